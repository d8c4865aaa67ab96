import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';

const LOOKS = [
  { width: 1440, scheme: 'light' },
  { width: 1440, scheme: 'dark' },
  { width: 390, scheme: 'light' },
  { width: 390, scheme: 'dark' },
] as const;

describeConsole('somebody with requests of their own', (stage) => {
  it('sees whom each waits for, and withdraws one with a reason', async () => {
    const { id } = await stage.cast.ask();
    const ada = await stage.signIn('ada');
    await ada.open('/mine');
    const { page } = ada;
    const item = page.getByRole('listitem').filter({ hasText: 'postgres.execute on shop' });
    await item.getByText('group:dba', { exact: true }).waitFor();
    await item.getByText('Too few were decided lately to tell').waitFor();
    await item.getByRole('timer').waitFor();
    await item.getByRole('button', { name: 'Withdraw…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The request ends and nothing is run.').waitFor();
    await dialog.getByLabel(/^Reason/).fill('no longer needed');
    await dialog.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await stage.cast.stack.waitForStatus(id, 'cancelled');
    await item.getByText('withdrawn', { exact: true }).waitFor();
    await expect.poll(() => item.getByRole('button').count()).toBe(0);
    await item.getByRole('link').click();
    await expect.poll(() => new URL(page.url()).pathname).toBe(`/requests/${id}`);
  });

  it.each(LOOKS)('reads them at %o without a fault of accessibility', async (look) => {
    await stage.cast.ask();
    const ada = await stage.signIn('ada', look);
    await ada.open('/mine');
    await ada.page.getByText('Too few were decided lately to tell').first().waitFor();
    expect(await ada.accessibilityFaults()).toEqual([]);
    const folder = process.env['KEYTURN_PICTURES'];
    if (folder) await ada.picture(`${folder}/mine-${look.width}-${look.scheme}.png`);
    const isWider = 'document.documentElement.scrollWidth > innerWidth';
    expect(await ada.page.evaluate(isWider)).toBe(false);
  });
});
