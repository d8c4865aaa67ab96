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
});
