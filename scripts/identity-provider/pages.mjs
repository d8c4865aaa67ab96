const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 4rem auto; padding: 0 1rem; color: #1c2430; }
  h1 { font-size: 1.4rem; }
  button, input { font: inherit; padding: .5rem .9rem; border: 1px solid #8793a5; border-radius: .4rem; }
  button { background: #f3f6fa; cursor: pointer; }
  button.person { display: block; width: 100%; margin: .4rem 0; text-align: left; }
  button.go { background: #1f5fbf; color: #fff; border-color: #1f5fbf; }
  small { color: #5a6676; }
  code { font-size: 1.4rem; letter-spacing: .1em; }`;

/** Asks for the code that the terminal shows. */
export function codePage(form, error) {
  const message = error
    ? 'That code is not right or too old. Look again at the terminal.'
    : 'Enter the code that the terminal shows.';
  return page(
    'Sign in',
    `<p>${message}</p>${form}<p><button class="go" type="submit" form="op.deviceInputForm">Continue</button></p>`,
  );
}

/** Shows the code once more, so that nobody signs in a terminal that is not theirs. */
export function confirmPage(form, clientName, userCode) {
  return page(
    'Is this your terminal?',
    `<p>${escapeHtml(clientName)} wants to sign in. It shows this code:</p><p><code>${escapeHtml(userCode)}</code></p>
     ${form}
     <p><button class="go" type="submit" form="op.deviceConfirmForm" autofocus>Continue</button>
     <button type="submit" form="op.deviceConfirmForm" value="yes" name="abort">It is not mine</button></p>`,
  );
}

/** The list of demo people, the one who is expected first: who do you want to be? */
export function peoplePage(action, people, expected) {
  const first = people.filter(({ subject }) => subject === expected);
  const inOrder = [...first, ...people.filter((person) => !first.includes(person))];
  const buttons = inOrder.map(
    ({ subject, name, groups }) =>
      `<button class="person" name="person" value="${escapeHtml(subject)}">${escapeHtml(name)}
       <small>${escapeHtml([subject, ...groups].join(', '))}</small></button>`,
  );
  return page(
    'Who are you today?',
    `<p>This is the demo's identity provider. It asks for no password.</p>
     <form method="post" action="${escapeHtml(action)}">${buttons.join('')}</form>`,
  );
}

/** The end of a sign-in. */
export function successPage() {
  return page('You are signed in', '<p>Go back to the terminal; this page can be closed.</p>');
}

function page(title, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><h1>${title}</h1>${body}</body></html>`;
}

function escapeHtml(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(text).replaceAll(/[&<>"']/g, (character) => names[character]);
}
