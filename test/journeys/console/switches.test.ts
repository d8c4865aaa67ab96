import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { SwitchList } from '../../../contract/switches.ts';
import { refusal, type Cast } from '../laws/cast.ts';
import { describeConsole } from './browser.ts';
import { waitForShown } from './deciding.ts';

/** Fills in the open dialog, and sends it. */
async function give(page: Page, reason: string, button: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Reason' }).fill(reason);
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function release(page: Page, reason: string): Promise<void> {
  await page.getByRole('button', { name: /^Release the switch on The target shop/ }).click();
  await give(page, reason, 'Agree to the release');
}

/** What an earlier try left engaged. */
async function releaseAll(cast: Cast): Promise<void> {
  const { body } = await cast.get<SwitchList>(cast.olga, '/v1/switches');
  for (const { id } of body.items)
    for (const operator of [cast.olga, cast.petra])
      await cast.inSession({ token: operator, path: `/v1/switches/${id}/lift`, body: { reason: 'again' } });
}

describeConsole('an operator with a browser', (stage) => {
  it('stops a target: nothing on it is approved or executed until two operators have released it', async () => {
    const { cast } = stage;
    await releaseAll(cast);
    const request = await cast.ask();
    const approval = {
      path: `/v1/requests/${request.id}/decisions`,
      body: { verdict: 'approve', reason: 'looks right', decision_digest: request.decision_digest },
    };
    const [olga, petra] = await Promise.all([stage.signIn('olga'), stage.signIn('petra')]);
    await Promise.all([olga.open('/switches'), petra.open('/switches')]);
    await olga.page.getByRole('button', { name: 'Stop something…' }).click();
    await olga.page.getByLabel('Stop', { exact: true }).selectOption('target');
    await olga.page.getByRole('combobox', { name: 'Target' }).click();
    await olga.page.getByRole('option', { name: 'shop', exact: true }).click();
    await olga.page.getByText(/^Every action on the target shop is stopped at once/).waitFor();
    await give(olga.page, 'deletes what it should not', 'Engage');
    await waitForShown(olga.page, 'The target shop: stopped.');
    expect(refusal(await cast.post(cast.dmitri, approval.path, approval.body))).toEqual([
      403,
      'switched_off',
    ]);
    expect((await cast.show(cast.dmitri, request.id)).status).toBe('pending');
    await release(olga.page, 'it is mended');
    await waitForShown(olga.page, 'One more operator has to agree.');
    // Her own agreement counts once: she is not offered another.
    await expect.poll(() => olga.page.getByRole('button', { name: /^Release the switch/ }).count()).toBe(0);
    expect((await cast.post(cast.dmitri, approval.path, approval.body)).status).toBe(403);
    await waitForShown(petra.page, /^Olga Petrenko agreed to its release/);
    await release(petra.page, 'I looked at it as well');
    await waitForShown(petra.page, 'The target shop: released.');
    await waitForShown(petra.page, 'by Olga Petrenko and Petra Vogel');
    expect((await cast.post(cast.dmitri, approval.path, approval.body)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });
});
