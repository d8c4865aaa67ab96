import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, expect, it } from 'vitest';

import { withKeyAgents } from '../../api/keys/keys.ts';
import { activate, activePolicy } from '../../workflows/policies.ts';
import { describeConsole } from '../../journeys/console/browser.ts';

const KEY = /kt_[a-z2-7]{8}_[A-Za-z0-9_-]{43}/;

const press = async (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

describeConsole('somebody who owns agents without an identity provider', (stage) => {
  beforeAll(async () => {
    const { keyturnDb: db } = stage.cast.stack;
    await activate(db, withKeyAgents(await activePolicy(db)));
  });
  beforeEach(async () => {
    await stage.cast.stack.keyturnDb.query('delete from keyturn.api_key');
  });

  /** The status of a call with a key. */
  const callWith = async (token: string): Promise<number> =>
    (await stage.cast.stack.http({ path: '/v1/me', token })).status;

  /** Takes the key from the only dialog that shows it, and closes that. */
  async function store(page: Page): Promise<string> {
    const dialog = page.getByRole('dialog', { name: 'Store this key now' });
    const key = KEY.exec(await dialog.innerText())?.[0] ?? '';
    await page.keyboard.press('Escape');
    await press(page, 'I have stored it');
    await dialog.waitFor({ state: 'detached' });
    return key;
  }

  it('makes a key after a fresh sign-in, with what was typed before it, and is shown it once', async () => {
    const ada = await stage.signIn('ada');
    const { page } = ada;
    ada.expectRefusal(403);
    await stage.cast.stack.keyturnDb.query('update keyturn.session set authenticated_at = null');
    await ada.open('/keys');
    await press(page, 'New key');
    await page.getByLabel('What uses it').fill('backup job on host 7');
    await page.getByLabel('Lasts').selectOption('30');
    await page.getByRole('combobox', { name: 'Only for these actions' }).click();
    await page.getByRole('option', { name: 'postgres.execute' }).click();
    // Closes the list, and not the dialog around it.
    await page.keyboard.press('Escape');
    await press(page, 'Make the key');
    await press(page, 'Sign in again');
    await ada.passProvider('ada');
    await expect.poll(() => page.getByLabel('What uses it').inputValue()).toBe('backup job on host 7');
    await press(page, 'Make the key');
    const key = await store(page);
    expect(await callWith(key)).toBe(200);
    await page.getByText('Only for postgres.execute on every target').waitFor();
    const storage = await page.evaluate<string>(
      'JSON.stringify([{ ...sessionStorage }, { ...localStorage }])',
    );
    expect(storage + (await page.content())).not.toContain(key.slice(12));
    expect(storage).not.toContain('keyturn-draft');
  });

  it('rotates it: both work until the first is revoked', async () => {
    const ada = await stage.signIn('ada');
    const { page } = ada;
    await ada.open('/sign-in?prompt=login&return_to=/keys');
    await ada.passProvider('ada');
    await press(page, 'New key');
    await page.getByLabel('What uses it').fill('nightly backup');
    await press(page, 'Make the key');
    const first = await store(page);
    await press(page, `Rotate ${first.slice(0, 11)}`);
    expect(await page.getByLabel('What uses it').inputValue()).toBe('nightly backup');
    await press(page, 'Make the key');
    await page.getByText(`Then revoke ${first.slice(0, 11)}_…`).waitFor();
    const second = await store(page);
    expect(await Promise.all([first, second].map(callWith))).toEqual([200, 200]);
    await press(page, `Revoke ${first.slice(0, 11)}`);
    await press(page, 'Revoke');
    await page.getByText('One key that ended').click();
    await page.getByText(/^Revoked /).waitFor();
    expect(await Promise.all([first, second].map(callWith))).toEqual([401, 200]);
  });

  it('sees nothing to press at keys of others, and somebody without agents is told what they are', async () => {
    const auditor = await stage.signIn('reviewer-01');
    await auditor.open('/keys');
    await auditor.page.getByRole('heading', { name: 'elsewhere' }).waitFor();
    expect(await auditor.page.getByRole('button', { name: /New key|Rotate|Revoke/ }).count()).toBe(0);
    const other = await stage.signIn('reviewer-02');
    await other.open('/keys');
    await other.page.getByText('No agent of yours calls with API keys.').waitFor();
  });

  it.each(['light', 'dark'] as const)('can read and use all of it, in %s, on a phone', async (scheme) => {
    const ada = await stage.signIn('ada', { width: 390, scheme });
    const { page } = ada;
    await ada.open('/sign-in?prompt=login&return_to=/keys');
    await ada.passProvider('ada');
    await press(page, 'New key');
    await page.getByLabel('What uses it').fill('nightly backup');
    expect(await ada.accessibilityFaults()).toEqual([]);
    await press(page, 'Make the key');
    await page.getByRole('dialog', { name: 'Store this key now' }).waitFor();
    expect(await ada.accessibilityFaults()).toEqual([]);
    await store(page);
    expect(await ada.accessibilityFaults()).toEqual([]);
  });
});
