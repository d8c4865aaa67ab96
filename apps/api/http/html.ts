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

/** True for the pages that people see, also where they are refused. */
export function isPagePath(path: string): boolean {
  return /^\/(?:sign-in(?:\/callback)?|sign-out)?\/?$/i.test(path);
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
