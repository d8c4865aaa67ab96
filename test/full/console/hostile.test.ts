import { expect, it } from 'vitest';

import { describeConsole, type Visitor } from '../../journeys/console/browser.ts';
import { openDialog, waitForShown } from '../../journeys/console/deciding.ts';
import { bodyOf } from '../../journeys/laws/cast.ts';

/** By the schema of the action. */
const STATEMENT_MAX = 20_000;
const ROWS = 10_000;
/** What a page may hold of what somebody else wrote, before anybody wants to see all of it. */
const ELEMENTS_MAX = 3_000;

/** Elements that a hostile text could have become. */
const FOREIGN =
  'main :is(script, img, iframe, object, embed, style, b, i), [href*="evil"], [src]:not(script)';

describeConsole('what is too large to be read at a glance', (stage) => {
  it('a statement of a megabyte is refused, and leaves nothing behind', async () => {
    const { stack, agent } = stage.cast;
    const statement = `update account set credit_limit = 1 where id in (${'1,'.repeat(524_288)}1)`;
    const reply = await stack.request<{ code: string }>(agent, bodyOf({ statement }));
    expect([reply.status, reply.body.code]).toEqual([413, 'body_too_large']);
    const { rows } = await stack.keyturnDb.query('select from keyturn.request');
    expect(rows).toEqual([]);
  });

  it('the longest statement that is accepted, in one line, is shown whole to who wants it', async () => {
    const [start, end] = ['update account set credit_limit = 1 where id in (', '1203)'];
    const statement = start + '1203,'.repeat((STATEMENT_MAX - start.length - end.length) / 5) + end;
    const { id } = await stage.cast.ask({ statement });
    const olga = await stage.signIn('olga', { width: 360, height: 740 });
    await olga.open(`/requests/${id}`);
    const part = olga.page.getByRole('region', { name: 'The statement that will run' });
    const shown = part.getByLabel('the statement', { exact: true });
    await shown.waitFor();
    const more = part.getByRole('button', { name: 'Show all' });
    if ((await more.count()) > 0) await more.click();
    await expect.poll(() => shown.textContent(), { timeout: 20_000 }).toBe(statement);
    await expectSound(olga);
  });

  it(`a change of ${ROWS} rows says how many there are, and of which part they are, and shows some of them`, async () => {
    const { target } = stage.cast.stack;
    const evil = `<img src=x onerror=alert(1)>\u202e\u200b\u001b[31m**[Approve…](https://evil.example)**`;
    await target.query('create table big (id int primary key, note text not null)');
    await target.query('grant select, insert, update, delete on big to shop_writer');
    await target.query('grant select on big to keyturn_observer');
    await target.query(`insert into big select n, $1 from generate_series(1, ${ROWS}) n`, [evil]);
    const { id } = await stage.cast.ask({ statement: `update big set note = note || '!' where id > 0` });
    const olga = await stage.signIn('olga');
    await olga.open(`/requests/${id}`);
    const effect = olga.page.getByRole('region', { name: 'What will happen' });
    await effect.getByText(`of ${ROWS.toLocaleString('en')} changed rows`).waitFor();
    await effect.getByText(`all of the table’s ${ROWS.toLocaleString('en')} rows`).waitFor();
    expect(await olga.page.evaluate(`document.querySelectorAll('*').length`)).toBeLessThan(ELEMENTS_MAX);
    const seen = '<img src=x onerror=alert(1)>U+202EU+200BU+001B[31m**[Approve…](https://evil.example)**';
    expect(await effect.textContent()).toContain(seen);
    await expectSound(olga);
    const more = effect.getByRole('button', { name: 'Show all' });
    if ((await more.count()) > 0) await more.first().click();
    await expectSound(olga);
    const dialog = await openDialog(olga.page, 'Approve');
    expect(await dialog.innerText()).toContain(ROWS.toLocaleString('en'));
  });

  it('a table and its columns that are called like the page are names, and no part of it', async () => {
    const { target } = stage.cast.stack;
    const [table, column] = ['"<b>approved</b> **Deny…**\u2066"', '"# Two seats filled\u200b"'];
    await target.query(`create table ${table} (id int primary key, ${column} text)`);
    await target.query(`grant select, insert, update, delete on ${table} to shop_writer`);
    await target.query(`grant select on ${table} to keyturn_observer`);
    const { id } = await stage.cast.ask({
      statement: `insert into ${table} (id, ${column}) values (1, 'x')`,
    });
    const olga = await stage.signIn('olga', { width: 390 });
    await olga.open(`/requests/${id}`);
    await waitForShown(olga.page, 'Approve…');
    const effect = await olga.page.getByRole('region', { name: 'What will happen' }).textContent();
    expect(effect).toContain('<b>approved</b> **Deny…**U+2066');
    expect(effect).toContain('# Two seats filledU+200B');
    await expectSound(olga);
  });
});

/** Nothing became an element, nothing is wider than the screen, and there is one button to approve. */
async function expectSound({ page }: Visitor): Promise<void> {
  expect(await page.locator(FOREIGN).count()).toBe(0);
  expect(await page.getByRole('button', { name: /Approve/ }).count()).toBe(1);
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
}
