import type { NextFunction, Request, Response } from 'express';

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1c2430; background: #fff; }
  h1 { font-size: 1.4rem; }
  a, button { font: inherit; }
  button { padding: .5rem .9rem; border: 1px solid #5a6676; border-radius: .4rem; background: #f3f6fa; cursor: pointer; }
  li { margin: .4rem 0; }`;

/** A plain page without scripts. `body` is HTML: what is not ours in it has been escaped. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)} · Keyturn</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;
}

/**
 * Sends browsers to the address that pages are at: their cookies are of no other. Only from one name of this machine to
 * another, or by the word of a trusted proxy: a proxy that says nothing may have changed the name itself, and would send
 * them round in circles.
 */
export function redirectPages(publicUrl: string) {
  const { host, hostname } = new URL(publicUrl);
  return (request: Request, response: Response, next: NextFunction): void => {
    const isForwarded =
      request.headers['x-forwarded-host'] !== undefined && request.host !== request.headers.host;
    const isElsewhere = isForwarded
      ? request.host !== host
      : request.hostname !== hostname && [request.hostname, hostname].every(isLoopbackName);
    if (request.method === 'GET' && isPage(request) && isElsewhere)
      response.redirect(307, `${publicUrl}${request.originalUrl}`);
    else next();
  };
}

function isLoopbackName(name: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(name);
}

/** True for the pages that people see, also where they are refused. */
export function isPage(request: Pick<Request, 'path' | 'headers'>): boolean {
  return /^\/sign-(?:in(?:\/callback)?|out)\/?$/i.test(request.path) || isConsolePage(request);
}

/** What is no page of the console, whatever a browser would rather see there. */
const ELSEWHERE = /^\/(?:v1|scim|docs|openapi\.json|assets|sign-in|sign-out|healthz|readyz|metrics)(?:\/|$)/i;

/**
 * True where a browser asks for a page of the console: at `/`, and at each other address of plain words that belongs to
 * nobody else. Which pages there are is known to the console alone.
 */
export function isConsolePage({ path, headers }: Pick<Request, 'path' | 'headers'>): boolean {
  if (path === '/') return true;
  const isPlain = /^(?:\/[\w~-][\w.~-]*)+\/?$/.test(path) && !ELSEWHERE.test(path);
  return isPlain && /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(headers.accept ?? '');
}

/** Text as HTML shows it. */
export function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
