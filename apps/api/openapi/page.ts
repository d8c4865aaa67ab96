import type { DocumentedAnswer, DocumentedOperation, OpenApiDocument } from './document.ts';

/** The document as one page that needs no script, no network and no other file. */
export function documentPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation)),
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `<h3 id="schema-${escape(name)}">${escape(name)}</h3>${code(schema)}`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(document.info.title)} HTTP interface</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body><main>
<h1>${escape(document.info.title)} HTTP interface, version ${escape(document.info.version)}</h1>
<p>${escape(document.info.description)} Machine-readable: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
${operations.join('\n')}<h2>Schemas</h2>${schemas.join('\n')}</main></body></html>`;
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#fff}main{max-width:60rem;margin:auto;' +
  'padding:1rem}pre{background:#f4f4f4;padding:.75rem;overflow:auto;font-size:.85rem}code,h2{overflow-wrap:anywhere}' +
  'td,th{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}section{border-top:1px solid #ccc}';

function section(method: string, path: string, operation: DocumentedOperation): string {
  const needs = operation.security.length > 0 ? 'Needs a bearer token.' : 'Needs no token.';
  return `<section id="${escape(operation.operationId)}"><h2><code>${method.toUpperCase()} ${escape(path)}</code></h2>
<p>${escape(operation.summary)}. ${needs}</p>${parameterTable(operation.parameters ?? [])}
${operation.requestBody ? `<details><summary>Body</summary>${code(operation.requestBody)}</details>` : ''}
<table><tr><th>Status</th><th>Meaning</th></tr>${Object.entries(operation.responses).map(answerRow).join('')}</table></section>`;
}

function parameterTable(parameters: readonly unknown[]): string {
  if (parameters.length === 0) return '';
  const rows = (parameters as readonly Readonly<Record<string, unknown>>[]).map(
    ({ name, in: place, required, description }) =>
      `<tr><td><code>${escape(String(name))}</code></td><td>${escape(String(place))}${required ? ', required' : ''}</td>` +
      `<td>${escape(typeof description === 'string' ? description : '')}</td></tr>`,
  );
  return `<table><tr><th>Parameter</th><th>In</th><th></th></tr>${rows.join('')}</table>`;
}

function answerRow([status, answer]: [string, DocumentedAnswer]): string {
  return `<tr><td>${escape(status)}</td><td>${escape(answer.description)}</td></tr>`;
}

function code(value: unknown): string {
  return `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
