import { expect, it } from 'vitest';

import { describeConsole } from './browser.ts';

describeConsole('a page that changed under a reviewer', (stage) => {
  it('approves nothing that its reader was not told of, and then what it tells', async () => {
    const olga = await stage.signIn('olga');
    const { stack, dmitri } = stage.cast;
    const statement = 'update account set credit_limit = credit_limit + 7 where id = 1204';
    const { id } = await stage.cast.ask({ statement });
    await olga.open(`/requests/${id}`);
    const approve = olga.page.getByRole('button', { name: 'Approve…' });
    await approve.waitFor();
    // It is planned again, and the page shows the new plan.
    await stack.target.query('update account set credit_limit = credit_limit + 100 where id = 1204');
    expect((await stack.decide(dmitri, id)).status).toBe(200);
    await olga.page.getByText('This has changed since you opened it').waitFor();
    await olga.page.getByText(/This is round 2/).waitFor();
    await approve.click();
    const dialog = olga.page.getByRole('dialog');
    const send = dialog.getByRole('button', { name: 'Approve', exact: true });
    await dialog.getByText('has changed while you were deciding').waitFor();
    await dialog.getByText(/This is round 2/).waitFor();
    expect(await send.count()).toBe(0);
    await dialog.getByRole('button', { name: 'Read it again' }).click();
    await approve.click();
    await send.click();
    await stack.waitForStatus(id, 'succeeded');
  });

  it('leaves out of a batch what was planned again while its reader looked at it', async () => {
    const { cast } = stage;
    const [columns, values] = [
      'account_id, placed_at, item, total, status',
      `'2026-11-01', 'other', 1, 'placed'`,
    ];
    await cast.stack.target.query('update account set credit_limit = 5000001 where id = 1205');
    const [first, other] = await Promise.all([
      cast.ask({ statement: `insert into purchase (${columns}) values (1001, ${values})` }),
      cast.ask({
        statement: `insert into purchase (${columns}) select id, ${values} from account where credit_limit > 5000000`,
      }),
    ]);
    const olga = await stage.signIn('olga');
    const { page } = olga;
    const boxes = page.getByRole('checkbox', { name: /^Pick/ });
    await expect.poll(() => boxes.count()).toBe(2);
    for (const box of await boxes.all()) await box.check();
    await page.getByRole('button', { name: /^Approve/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Approve 2 of 2' }).waitFor();
    await cast.stack.target.query('update account set credit_limit = 5000001 where id = 1206');
    expect((await cast.stack.decide(cast.dmitri, other.id)).status).toBe(200);
    await dialog.getByText('It has changed since this was opened').waitFor();
    await dialog.getByRole('button', { name: 'Approve 1 of 2' }).click();
    await cast.stack.waitForStatus(first.id, 'succeeded');
    const now = await cast.show(cast.olga, other.id);
    expect([now.status, now.round, now.decisions?.map(({ person }) => person)]).toEqual([
      'pending',
      2,
      ['dmitri'],
    ]);
  });
});
