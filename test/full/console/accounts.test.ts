import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';

describeConsole('somebody who links a further account', (stage) => {
  it('signs in with it as well, sees both, confirms, is notified elsewhere, and removes the link', async () => {
    const olga = await stage.signIn('olga');
    const elsewhere = await stage.signIn('olga');
    const { page } = olga;
    olga.expectRefusal(403);
    await olga.open('/me');
    await page.getByRole('button', { name: 'Link another account' }).click();
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await olga.passProvider('olga');
    await page.getByRole('button', { name: 'Link another account' }).click();
    await olga.passProvider('olga-private');
    await page.getByRole('heading', { name: 'Link an account' }).waitFor();
    await page.getByText('olga-private', { exact: true }).waitFor();
    await page.getByText('signed in as').waitFor();
    expect(await olga.accessibilityFaults()).toEqual([]);
    await page.getByRole('button', { name: 'Link the account' }).click();
    await page.getByRole('button', { name: 'Remove the link of olga-private' }).waitFor();

    await elsewhere.open('/me');
    await elsewhere.page.getByText('An account was linked to you').waitFor();
    expect(await elsewhere.accessibilityFaults()).toEqual([]);

    await page.getByRole('button', { name: 'Remove the link of olga-private' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Removed (1)').waitFor();
    expect(await page.getByRole('button', { name: /^Remove the link/ }).count()).toBe(0);
  });

  it('reads why nothing was linked, where the account is somebody else’s', async () => {
    const dmitri = await stage.signIn('dmitri', { width: 390, scheme: 'dark' });
    const { page } = dmitri;
    await page.goto(`${new URL(page.url()).origin}/sign-in?prompt=login&return_to=/me`);
    await dmitri.passProvider('dmitri');
    await page.getByRole('button', { name: 'Link another account' }).click();
    await dmitri.passProvider('petra');
    await page.getByText('Nothing was linked').waitFor();
    await page.getByText(/operator to merge them/).waitFor();
    expect(await page.getByText(/Vogel/).count()).toBe(0);
    expect(await dmitri.accessibilityFaults()).toEqual([]);
    await page.getByRole('button', { name: 'Back to your accounts' }).click();
    await page.getByRole('heading', { name: 'Accounts' }).waitFor();
  });
});
