import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';

describeConsole('the heading of a request', (stage) => {
  it('hides nothing of what a table is called, nor does the title of the tab', async () => {
    const { cast } = stage;
    const table = '"pay\u202Eroll"';
    await cast.stack.target.query(`create table ${table} (id integer primary key)`);
    await cast.stack.target.query(`grant select, insert, update, delete on ${table} to shop_writer`);
    await cast.stack.target.query(`grant select on ${table} to keyturn_observer`);
    const { id } = await cast.ask({ statement: `insert into ${table} (id) values (1)` });
    const olga = await stage.signIn('olga');
    await olga.open(`/requests/${id}`);
    await olga.page.getByRole('heading', { level: 1 }).getByText('U+202E').waitFor();
    expect(await olga.page.title()).toContain('pay<U+202E>roll');
  });
});
