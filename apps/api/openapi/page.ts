import type { DocumentedAnswer, DocumentedOperation, OpenApiDocument } from './document.ts';
import { cell, code, fieldTable, prose, schemaText, table, type Schema } from './page-parts.ts';
import { escape } from '../http/html.ts';
import { WALKTHROUGH } from './walkthrough.ts';

/** The document as one page that needs no script, no network and no other file. */
export function documentPage(document: OpenApiDocument): string {
  const { info, components } = document;
  const title = `${escape(info.title)} HTTP interface, version ${escape(info.version)}`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>
<a class="skip" href="#content">To the content</a>
<header><h1>${title}</h1><p>${prose(info.description)}
Machine-readable: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>
${contents(document)}<main id="content" tabindex="-1">
<h2 id="start">From start to end</h2><ol>${WALKTHROUGH.map((step) => `<li>${prose(step)}`).join('')}</ol>
${document.tags.map((tag) => group(document, tag)).join('\n')}
<h2 id="errors">Errors</h2><p>Every error is an ${code('application/problem+json')}: a ${schemaText({ $ref: '#/components/schemas/Problem' })}. Programs go by its
<code>code</code>. Two have no code of their own: 431 (request line and headers of more than 16 KiB: send less)
and 408 (the request took too long to arrive: repeat it).</p>${errorTable(document)}
<h2 id="headers">Headers of answers</h2>${headerTable(components.headers)}
<h2 id="schemas">Schemas</h2>${Object.entries(components.schemas).map(schemaSection).join('\n')}
</main></body></html>`;
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:64rem;color:#1a1a1a;background:#fff}' +
  'a{color:#0645ad}a:focus-visible,summary:focus-visible{outline:3px solid #0645ad;outline-offset:2px}' +
  '.skip{position:absolute;left:-99rem}.skip:focus{position:static}' +
  'code,h3,h4{overflow-wrap:anywhere}code{background:#f2f2f2;padding:0 .2em}h3 code{background:none;padding:0}' +
  'nav ul{columns:20rem;padding-left:1.2rem;margin-top:0}nav p{margin:.5rem 0 0;font-weight:bold}' +
  'section{border-top:1px solid #ccc}main{outline:none}' +
  'table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}' +
  'td,th{border-top:1px solid #ddd;padding:.3rem .75rem .3rem 0;text-align:left;vertical-align:top}thead th{border:0}td:first-child code{white-space:nowrap}' +
  '@media(max-width:44rem){thead{position:absolute;left:-99rem}tr{display:block;border-top:1px solid #ddd;padding:.4rem 0}' +
  'td{display:block;border:0;padding:0 0 0 1rem}td:first-child{padding:0}' +
  'td[data-name]::before{content:attr(data-name) ": ";color:#555}}';

function operationsOf(document: OpenApiDocument): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operation: DocumentedOperation;
}

function contents(document: OpenApiDocument): string {
  const groups = document.tags.map(({ name }) => {
    const links = operationsOf(document)
      .filter(({ operation }) => operation.tags.includes(name))
      .map(
        ({ method, path, operation }) =>
          `<li>${link(operation.operationId, `${method.toUpperCase()} ${path}`)}`,
      );
    return `<p>${escape(name)}</p><ul>${links.join('')}</ul>`;
  });
  const others = ['Errors', 'Headers of answers', 'Schemas'].map(
    (name) => `<li>${link(name.split(' ')[0]?.toLowerCase() ?? '', name)}`,
  );
  return `<nav aria-label="Contents"><p>${link('start', 'From start to end')}</p>${groups.join('')}<p>For all</p><ul>${others.join('')}</ul></nav>`;
}

function link(id: string, text: string): string {
  return `<a href="#${escape(id)}">${escape(text)}</a>`;
}

function group(document: OpenApiDocument, { name, description }: OpenApiDocument['tags'][number]): string {
  const sections = operationsOf(document).filter(({ operation }) => operation.tags.includes(name));
  return `<h2>${escape(name)}</h2><p>${prose(description)}</p>${sections.map(section).join('\n')}`;
}

function section({ method, path, operation }: Operation): string {
  const { operationId: id, summary, security, parameters = [], responses } = operation;
  const needs = security.length > 0 ? 'Needs a bearer token.' : 'Needs no token.';
  return `<section id="${escape(id)}"><h3>${code(`${method.toUpperCase()} ${path}`)}</h3>
<p>${prose(summary)}. ${needs}</p>${parameterTable(parameters)}${bodyText(operation)}
${table(['Status', 'Meaning', 'Body', 'Headers'], Object.entries(responses).map(answerRow))}</section>`;
}

function parameterTable(parameters: readonly unknown[]): string {
  if (parameters.length === 0) return '';
  const rows = (parameters as readonly Parameter[]).map(
    ({ name, in: location, required, description, schema }) => [
      code(name),
      cell('in', escape(`${location}${required ? ', required' : ''}`)),
      cell('type', schemaText(schema)),
      prose(description),
    ],
  );
  return table(['Parameter', 'In', 'Type', 'Meaning'], rows);
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description: string;
  readonly schema: Schema;
}

function bodyText({ requestBody }: DocumentedOperation): string {
  if (requestBody === undefined) return '';
  const { required, content } = requestBody as { required: boolean; content: Content };
  return `<p>Body${required ? '' : ' (optional)'}: ${contentText(content)}</p>`;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

function contentText(content: Content | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) =>
      type === 'application/json' || type === 'application/problem+json'
        ? schemaText(schema)
        : `${code(type)}, ${schemaText(schema)}`,
    )
    .join(' or ');
}

function answerRow([status, answer]: [string, DocumentedAnswer]): readonly string[] {
  const codes = answer['x-keyturn-codes'];
  return [
    escape(status),
    codes ? codes.map((name) => link(`code-${name}`, name)).join(', ') : prose(answer.description),
    cell('body', contentText(answer.content as Content | undefined)),
    cell(
      'headers',
      Object.keys(answer.headers)
        .map((name) => link(`header-${name}`, name))
        .join(', '),
    ),
  ];
}

function errorTable(document: OpenApiDocument): string {
  const rows = document['x-keyturn-errors'].map(({ code: name, status, advice }) => [
    `<span id="code-${escape(name)}">${code(name)}</span>`,
    cell('status', String(status)),
    prose(advice),
  ]);
  return table(['Code', 'Status', 'What a client does'], rows);
}

function headerTable(headers: OpenApiDocument['components']['headers']): string {
  const rows = Object.entries(headers).map(([name, { description, schema }]) => [
    `<span id="header-${escape(name)}">${code(name)}</span>`,
    cell('type', schemaText(schema)),
    prose(description),
  ]);
  return table(['Header', 'Type', 'Meaning'], rows);
}

function schemaSection([name, part]: [string, unknown]): string {
  const schema = part as Schema;
  const { description = '', properties } = schema;
  const shape = properties === undefined ? `<p>${schemaText(schema)}</p>` : fieldTable(schema);
  return `<section id="schema-${escape(name)}"><h3>${escape(name)}</h3><p>${prose(description)}</p>${shape}</section>`;
}
