import { expect, it } from 'vitest';

import { describeConsole } from './browser.ts';

const ATTACKS: readonly (readonly [what: string, code: string, wanted: RegExp])[] = [
  [
    'markup from a string',
    `document.body.insertAdjacentHTML('beforeend', '<b>bold</b>')`,
    /Markup is never made/,
  ],
  [
    'a script from a string',
    `document.createElement('script').text = 'alert(1)'`,
    /require-trusted-types-for/,
  ],
  ['code from a string', `setTimeout('alert(1)')`, /require-trusted-types-for|script-src/],
  ['another policy for strings', `trustedTypes.createPolicy('mine', {})`, /trusted-types/],
  [
    'a script of another origin',
    add('script', `src: 'http://127.0.0.1:9/x.js'`),
    /require-trusted|script-src/,
  ],
  ['a style without the nonce', add('style', `textContent: 'body { color: red }'`), /style-src/],
  ['a picture of another origin', add('img', `src: 'http://127.0.0.1:9/x.png'`), /img-src/],
  ['a frame', add('iframe', `src: '/docs'`), /frame-src|default-src/],
  ['a call of another origin', `fetch('http://127.0.0.1:9/').catch(() => 0)`, /connect-src/],
  ['another base for its addresses', add('base', `href: 'http://127.0.0.1:9/'`), /base-uri/],
];

describeConsole('somebody who opens the console', (stage) => {
  it('signs in first, and comes to the page that they opened', async () => {
    const visitor = await stage.visit();
    visitor.expectRefusal(401);
    await visitor.open('/requests?status=pending');
    await visitor.passProvider('olga');
    await visitor.page.getByRole('heading', { name: 'Requests', level: 1 }).waitFor();
    expect(new URL(visitor.page.url()).search).toBe('?status=pending');
    await visitor.page.getByRole('button', { name: 'You: Olga Petrenko' }).waitFor();
  });

  it('signs out, and is signed in nowhere afterwards', async () => {
    const olga = await stage.signIn('olga');
    const { page } = olga;
    olga.expectRefusal(401);
    await page.getByRole('button', { name: 'You: Olga Petrenko' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Nobody is signed in here').waitFor();
    await olga.open('/inbox');
    await page.getByLabel('Name').waitFor();
  });

  it('has a page that takes no markup or script from strings, and nothing from elsewhere', async () => {
    const visitor = await stage.visit();
    visitor.expectRefusal(401);
    await visitor.open('/');
    await visitor.page.getByText('Nobody is signed in here').waitFor();
    for (const [what, code, wanted] of ATTACKS) {
      await visitor.page.evaluate(`setTimeout(() => { ${code} })`);
      await expect.poll(() => visitor.takeFaults().join('\n'), { message: what }).toMatch(wanted);
    }
    visitor.takeFaults();
  });
});

function add(tag: string, fields: string): string {
  return `document.head.append(Object.assign(document.createElement('${tag}'), { ${fields} }))`;
}
