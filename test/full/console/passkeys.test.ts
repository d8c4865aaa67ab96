import type { Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';

import { addAuthenticator } from '../../journeys/console/authenticator.ts';
import { describeConsole, type Stage, type Visitor } from '../../journeys/console/browser.ts';

const press = async (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

/** Somebody who signed in just before, on the page of their account. */
async function freshly(stage: Stage, subject: string): Promise<Visitor> {
  const visitor = await stage.signIn(subject);
  await visitor.open('/sign-in?prompt=login&return_to=/me');
  await visitor.passProvider(subject);
  await visitor.page.getByRole('heading', { name: 'Passkeys', exact: true }).waitFor();
  return visitor;
}

describeConsole(
  'passkeys of the account',
  (stage) => {
    beforeEach(async () => {
      await stage.cast.stack.keyturnDb.query('delete from keyturn.passkey');
    });

    it('are added after a fresh sign-in, a further one with the first, and revoked', async () => {
      const dmitri = await stage.signIn('dmitri');
      const { page } = dmitri;
      const authenticator = await addAuthenticator(page);
      dmitri.expectRefusal(403);
      await dmitri.open('/me');
      await page.getByText('You have none.').waitFor();
      await press(page, 'Add a passkey');
      await press(page, 'Sign in again');
      await dmitri.passProvider('dmitri');
      await press(page, 'Add a passkey');
      await page.getByText('The passkey was added.').waitFor();
      await page.getByText('Never used').waitFor();
      // The same authenticator makes no second one.
      await press(page, 'Add a passkey');
      await page.getByText('This authenticator has a passkey of yours already.').waitFor();
      await authenticator.verify(false);
      await press(page, 'Add a passkey');
      await page.getByText('Nothing was signed').waitFor();
      await press(page, 'Revoke');
      await page.getByText('It is your last one.').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await page.getByText('Revoked (1)').waitFor();
      dmitri.expectRefusal(409);
      await press(page, 'Add a passkey');
      await page.getByText('ask two operators for a recovery').waitFor();
    });

    it('come back by two operators and a link', async () => {
      const dmitri = await freshly(stage, 'dmitri');
      const authenticator = await addAuthenticator(dmitri.page);
      await press(dmitri.page, 'Add a passkey');
      await dmitri.page.getByText('The passkey was added.').waitFor();
      await authenticator.clear();
      const [olga, omar] = [await freshly(stage, 'olga'), await freshly(stage, 'omar')];
      await olga.page.getByLabel('Whose passkeys').fill('dmitri');
      await press(olga.page, 'Show passkeys');
      await press(olga.page, 'Begin a recovery');
      await olga.page.getByText('waits for a second operator, who agrees here').waitFor();
      await omar.page.reload();
      await press(omar.page, 'Revoke theirs and open a link');
      const address = await omar.page.getByText(/passkey_link=/).innerText();
      await dmitri.page.goto(address.trim());
      await dmitri.page.getByText('An operator lets you add a passkey here').waitFor();
      await press(dmitri.page, 'Add a passkey');
      await dmitri.page.getByText('The passkey was added.').waitFor();
      await dmitri.page.getByText('counts for what was requested after it was added').waitFor();
      expect(new URL(dmitri.page.url()).search).toBe('');
      // It is used.
      await olga.open('/me');
      expect(await olga.page.getByRole('list', { name: 'Open links' }).count()).toBe(0);
    });

    it.each([
      ['light', 390],
      ['dark', 390],
      ['light', 1440],
      ['dark', 1440],
    ] as const)('are readable for everybody, in %s at %d pixels', async (scheme, width) => {
      const olga = await stage.signIn('olga', { scheme, width });
      const { page } = olga;
      await addAuthenticator(page);
      await olga.open('/sign-in?prompt=login&return_to=/me');
      await olga.passProvider('olga');
      await press(page, 'Add a passkey');
      await page.getByText('The passkey was added.').waitFor();
      await page.getByLabel('Whose passkeys').fill('dmitri');
      await press(page, 'Show passkeys');
      await press(page, 'Make a link');
      await page.getByText(/passkey_link=/).waitFor();
      expect(await olga.accessibilityFaults()).toEqual([]);
      await page.setViewportSize({ width, height: 1800 });
      const { folder } = stage.cast.stack;
      await olga.picture(`${process.env['KEYTURN_PICTURES'] ?? folder}/passkeys-${scheme}-${width}.png`);
    });
  },
  { publicHost: 'localhost' },
);
