import { beforeAll, expect, it } from 'vitest';

import { activate, activePolicy, changeRequirement } from '../../workflows/policies.ts';
import { addAuthenticator } from './authenticator.ts';
import { describeConsole } from './browser.ts';

describeConsole(
  'where policy demands a passkey',
  (stage) => {
    beforeAll(async () => {
      const { keyturnDb: db } = stage.cast.stack;
      const strong = changeRequirement('usual', (rule) => ({ ...rule, minimum_grade: 'A' }));
      await activate(db, strong(await activePolicy(db)));
    });

    it('the button leads to one, which is added on the way, and anybody can verify what it signed', async () => {
      const { stack, ...cast } = stage.cast;
      const { id } = await cast.ask();
      const olga = await stage.signIn('olga');
      const { page } = olga;
      await addAuthenticator(page);
      const press = async (name: string): Promise<void> =>
        page.getByRole('button', { name, exact: true }).click();
      olga.expectRefusal(409);
      olga.expectRefusal(403);
      await olga.open(`/requests/${id}`);
      await press('Approve…');
      await page.getByText('a passkey of yours signs exactly this').waitFor();
      await page.getByLabel(/^Reason/).fill('ticket 4711');
      await press('Approve with a passkey');
      await page.getByRole('link', { name: 'Add a passkey' }).click();
      await press('Add a passkey');
      await press('Sign in again');
      await olga.passProvider('olga');
      await press('Add a passkey');
      await page.getByText('The passkey was added.').waitFor();
      await olga.open(`/requests/${id}`);
      await press('Approve…');
      expect(await page.getByLabel(/^Reason/).inputValue()).toBe('ticket 4711');
      await press('Approve with a passkey');
      await page.getByText(/^Your approval is recorded\./).waitFor();
      await stack.waitForStatus(id, 'succeeded');
      const { stdout } = await stack.cli(['verify', id, '--json'], { KEYTURN_TOKEN: cast.olga });
      const { ok, checks } = JSON.parse(stdout) as {
        ok: boolean;
        checks: { name: string; detail: string }[];
      };
      expect(ok).toBe(true);
      expect(checks.find(({ name }) => name === 'grades_proven')?.detail).toContain(
        'signed with the passkey psk_',
      );
    });
  },
  { publicHost: 'localhost' },
);
