import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';

describeConsole('somebody who looks at their account', (stage) => {
  it('sees who they are here, where that comes from, and ends a session elsewhere', async () => {
    const [elsewhere, olga] = [await stage.signIn('olga'), await stage.signIn('olga')];
    const { page } = olga;
    await olga.open('/me');
    await page.getByText('Olga Petrenko (olga)').waitFor();
    await page.getByText(`at ${stage.cast.stack.issuer.url} · by the directory file`).waitFor();
    await page.getByText('dba', { exact: true }).waitFor();
    await page.getByText('this browser').waitFor();
    await page.getByRole('button', { name: /^End the session of/ }).click();
    await expect.poll(() => page.getByRole('button', { name: /^End the session of/ }).count()).toBe(0);
    elsewhere.expectRefusal(401);
    await elsewhere.open('/me');
    await elsewhere.page.getByLabel('Name').waitFor();
  });

  it('signs out everywhere, here as well', async () => {
    const [elsewhere, dmitri] = [await stage.signIn('dmitri'), await stage.signIn('dmitri')];
    const { page } = dmitri;
    for (const visitor of [elsewhere, dmitri]) visitor.expectRefusal(401);
    await dmitri.open('/me');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByText('Nobody is signed in here').waitFor();
    await elsewhere.open('/me');
    await elsewhere.page.getByLabel('Name').waitFor();
  });

  it('ends sessions of others as an operator, and as nobody else', async () => {
    const [dmitri, olga] = [await stage.signIn('dmitri'), await stage.signIn('olga')];
    const { page } = olga;
    await olga.open('/me');
    await page.getByLabel('Id of the person in the directory').fill('dmitri');
    await page.getByRole('button', { name: 'Show sessions' }).click();
    await page.getByRole('button', { name: 'Sign dmitri out everywhere' }).click();
    await page.getByText('dmitri is signed in nowhere.').waitFor();
    dmitri.expectRefusal(401);
    await dmitri.open('/me');
    await dmitri.passProvider('dmitri');
    await dmitri.page.getByRole('heading', { name: 'Your sessions' }).waitFor();
    expect(await dmitri.page.getByLabel('Id of the person in the directory').count()).toBe(0);
  });

  it.each(['light', 'dark'] as const)('can read and use all of it, in %s, on a phone', async (scheme) => {
    const olga = await stage.signIn('olga', { width: 390, scheme });
    await olga.open('/me');
    await olga.page.getByText('this browser').waitFor();
    expect(await olga.accessibilityFaults()).toEqual([]);
  });
});
