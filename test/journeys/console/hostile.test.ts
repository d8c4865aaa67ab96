import { describe, expect, it } from 'vitest';

import { describeConsole, type Visitor } from './browser.ts';
import { linesOf, waitForShown } from './deciding.ts';

/** What an agent writes, and what a person must read. */
const WORDS: readonly (readonly [what: string, written: string, read: string])[] = [
  [
    'markup and scripts',
    '<script>alert(1)</script><img src=x onerror=alert(1)><b>approved</b>&lt;i&gt;',
    '<script>alert(1)</script><img src=x onerror=alert(1)><b>approved</b>&lt;i&gt;',
  ],
  [
    'characters that turn the reading around',
    'Raise it to \u202E0005\u202C \u2066as\u2069 agreed',
    'Raise it to U+202E0005U+202C U+2066asU+2069 agreed',
  ],
  ['characters of no width', 'pay\u200Bpal\u2060.\uFEFFcom\u00AD', 'payU+200BpalU+2060.U+FEFFcomU+00AD'],
  ['orders to a terminal', '\u001B[2J\u001B[31mdenied\u0007', 'U+001B[2JU+001B[31mdeniedU+0007'],
  [
    'Markdown that looks like the page',
    '# Approved by Olga\n**[Approve…](https://evil.example/a)** ![seal](https://evil.example/seal.png)\n- [x] Two seats filled',
    '# Approved by Olga\n**[Approve…](https://evil.example/a)** ![seal](https://evil.example/seal.png)\n- [x] Two seats filled',
  ],
  [
    'a page of its own below empty lines',
    `ok${'\n'.repeat(80)}Decide\nApprove…\nDeny…\nolga approved it`,
    `ok${'\n'.repeat(80)}Decide\nApprove…\nDeny…\nolga approved it`,
  ],
  [
    'letters that look like others',
    'Agreed with \u0430dmin',
    'Agreed with \u0430dminmixes Latin and Cyrillic',
  ],
  ['what is pushed out of sight', `harmless${' '.repeat(300)}or not`, 'harmless300 spacesor not'],
  ['a word without end', 'W'.repeat(4_000), 'W'.repeat(4_000)],
  ['another language', 'שלום, 限度額の変更 ёж', 'שלום, 限度額の変更 ёж'],
];

const PHONE = { width: 360, height: 740 };

describeConsole('what a hostile agent writes', (stage) => {
  async function read(visitor: Visitor, id: string, sign: string): Promise<void> {
    await visitor.open(`/requests/${id}`);
    await waitForShown(visitor.page, sign);
  }

  describe('is shown as text, whole, and nothing of it is hidden or obeyed', () => {
    it.each(WORDS)('%s', async (_what, written, wanted) => {
      const olga = await stage.signIn('olga', PHONE);
      const claims = { justification: written, model: written.slice(0, 100), run_id: '<i>run</i>' };
      const { id } = await stage.cast.ask({ claims });
      await read(olga, id, '<i>run</i>');
      const words = olga.page.getByRole('region', { name: 'The agent’s own words' });
      const quoted = await words.getByRole('blockquote').textContent();
      expect(quoted).toBe(wanted);
      await expectHarmless(olga);
      await olga.open(`/inbox?q=${id}`);
      await linesOf(olga.page).first().click();
      await waitForShown(olga.page, 'Approve…');
      await expectHarmless(olga);
      await olga.open('/requests');
      await olga.page.locator(`a[href="/requests/${id}"]`).first().waitFor();
      await expectHarmless(olga);
    });
  });

  it('stands in links, names, statements and rows as well', async () => {
    const olga = await stage.signIn('olga');
    const evil = '<img src=x onerror=alert(1)>\u202E**Approve…**';
    const { id } = await stage.cast.ask({
      statement: `update customer set name = '${evil}' where id = 1`,
      claims: { justification: 'x', links: ['https://evil.example/?q=<script>alert(1)</script>'] },
      onBehalfOf: { subject: evil },
    });
    await read(olga, id, 'The statement that will run');
    const seen = '<img src=x onerror=alert(1)>U+202E**Approve…**';
    const statement = olga.page.getByLabel('the statement', { exact: true });
    expect(await statement.textContent()).toBe(`update customer set name = '${seen}' where id = 1`);
    await waitForShown(olga.page, 'https://evil.example/?q=<script>alert(1)</script>');
    const change = olga.page.getByRole('region', { name: 'What will happen' });
    expect(await change.textContent()).toContain(seen);
    await expectHarmless(olga);
  });

  it('may be as long as is accepted: what is not shown at first is counted, and all of it can be read', async () => {
    const olga = await stage.signIn('olga');
    const lines = Array.from({ length: 1_900 }, (_, index) => `  ${String(index).padStart(5, '0')},`);
    const statement = ['update account set credit_limit = 1', 'where id in (', ...lines, '1203)'].join('\n');
    const { id } = await stage.cast.ask({ statement });
    await read(olga, id, 'The statement that will run');
    const part = olga.page.getByRole('region', { name: 'The statement that will run' });
    const shown = part.getByLabel('the statement', { exact: true });
    await part.getByText('40 of 1,903 lines shown').waitFor();
    await part.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(() => shown.textContent()).toBe(statement);
    await expectHarmless(olga);
  });
});

/** Nothing of it became an element, a link, a picture or a second button; nothing hides; nothing is wider than the screen. */
async function expectHarmless({ page }: Visitor): Promise<void> {
  const foreign =
    'main :is(script, img, iframe, object, embed, style, form[action], b, i), [href*="evil"], [src]:not(script)';
  expect(await page.locator(foreign).count()).toBe(0);
  expect(await page.getByRole('button', { name: /Approve/ }).count()).toBeLessThanOrEqual(1);
  expect(await page.evaluate<string>('document.body.innerText')).not.toMatch(
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    /[\u0000-\u0008\u000B-\u001F\u007F\u00AD\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/,
  );
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
}
