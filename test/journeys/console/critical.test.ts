import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { decisionsOf } from '../laws/cast.ts';
import { describeConsole, type Visitor } from './browser.ts';

const policies = policiesWithRisk();
afterAll(() => fs.rmSync(policies, { recursive: true, force: true }));

/** The usual policy, where each change is critical and takes two people who say why. */
function policiesWithRisk(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-critical-'));
  fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), folder, { recursive: true });
  const file = path.join(folder, 'keyturn.yaml');
  const whole = parse(fs.readFileSync(file, 'utf8')) as object;
  const risk = {
    lines: [{ weight: 5, because: 'changes data', when: 'plan.rows > 0' }],
    tiers: { medium: 2, high: 3, critical: 5 },
  };
  fs.writeFileSync(file, stringify({ ...whole, risk }));
  return folder;
}

const ACCOUNTS = 'update account set credit_limit = credit_limit + 1 where id in (1042, 1043, 1044)';

async function openDialog({ page }: Visitor, act: string) {
  await page.getByRole('button', { name: `${act}…` }).click();
  return page.getByRole('dialog');
}

describeConsole(
  'a critical request',
  (stage) => {
    it('is approved only by who types the target or the number of rows', async () => {
      const olga = await stage.signIn('olga');
      const { id } = await stage.cast.ask({ statement: ACCOUNTS });
      await olga.open(`/requests/${id}`);
      const dialog = await openDialog(olga, 'Approve');
      const box = dialog.getByLabel(/^Type the target/);
      const send = dialog.getByRole('button', { name: 'Approve', exact: true });
      await send.click();
      await dialog.getByText('That is neither').waitFor();
      await box.fill('shop-staging');
      await send.click();
      await dialog.getByText('That is neither').waitFor();
      expect(await decisionsOf(stage.cast.stack, id)).toEqual([]);
      await box.fill('shop');
      await send.click();
      await olga.page.getByRole('status').filter({ hasText: 'Your approval is recorded' }).waitFor();
      expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([
        { verdict: 'approve', outcome: 'counted' },
      ]);
    });

    it('is denied without typing', async () => {
      const olga = await stage.signIn('olga', { width: 390 });
      const { id } = await stage.cast.ask({ statement: ACCOUNTS });
      await olga.open(`/requests/${id}`);
      const dialog = await openDialog(olga, 'Deny');
      expect(await dialog.getByLabel(/^Type the target/).count()).toBe(0);
      await dialog.getByRole('button', { name: 'Deny', exact: true }).click();
      await stage.cast.stack.waitForStatus(id, 'denied');
    });

    it('takes an approval back while it waits for the second, and is offered to approve again', async () => {
      const olga = await stage.signIn('olga');
      const { id } = await stage.cast.ask({ target: 'shop-two-people', statement: ACCOUNTS });
      await olga.open(`/requests/${id}`);
      const dialog = await openDialog(olga, 'Approve');
      await dialog.getByLabel(/^Type the target/).fill('shop-two-people');
      await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
      const back = await openDialog(olga, 'Take back');
      await back.getByRole('button', { name: 'Take back', exact: true }).click();
      await olga.page.getByRole('status').filter({ hasText: 'taken back' }).waitFor();
      await olga.page.getByRole('button', { name: 'Approve…' }).waitFor();
      expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([
        { verdict: 'approve' },
        { verdict: 'take_back', outcome: 'counted' },
      ]);
    });
  },
  { policies },
);
