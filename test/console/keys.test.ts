import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ORIGIN } from '../api/sign-in/browser.ts';
import { startApiWithKeys } from '../api/keys/keys.ts';
import type { TestApi } from '../api/api.ts';
import { openAs, openChromium } from './browser.ts';

let api: TestApi;
let chromium: Browser;
let page: Page;
beforeAll(async () => {
  api = await startApiWithKeys();
  chromium = await openChromium(api);
});
afterAll(async () => {
  await chromium.close();
  await api.stop();
});
beforeEach(async () => {
  await api.db.query('delete from keyturn.api_key');
  page = await (await openAs({ api, chromium }, 'ada')).newPage();
});
afterEach(async () => {
  await page.context().close();
});

const open = async (): Promise<void> => void (await page.goto(`${ORIGIN}/keys`));
const button = (name: string) => page.getByRole('button', { name, exact: true });

/** The status of a call with a key. */
const callWith = async (token: string): Promise<number> => (await api.http({ path: '/v1/me', token })).status;

describe('a key is made on the page', () => {
  it('after a fresh sign-in, with what was typed before it, and is shown once', async () => {
    await open();
    await button('New key').click();
    await page.getByLabel('What uses it').fill('backup job on host 7');
    await page.getByLabel('Lasts').selectOption('30');
    await page.getByRole('combobox', { name: 'Only for these actions' }).click();
    await page.getByRole('option', { name: 'postgres.execute' }).click();
    await button('Make the key').click();
    await button('Sign in again').click();
    await page.waitForURL(`${ORIGIN}/keys`);
    await expect.poll(() => page.getByLabel('What uses it').inputValue()).toBe('backup job on host 7');
    await button('Make the key').click();
    const dialog = page.getByRole('dialog', { name: 'Store this key now' });
    const key = /kt_[a-z2-7]{8}_[A-Za-z0-9_-]{43}/.exec(await dialog.innerText())?.[0] ?? '';
    expect(await callWith(key)).toBe(200);
    await page.keyboard.press('Escape');
    await button('I have stored it').click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Only for postgres.execute on every target').waitFor();
    expect(await page.content()).not.toContain(key.slice(12));
    expect(JSON.stringify(await page.context().storageState())).not.toContain(key.slice(12));
    expect(await page.evaluate(() => JSON.stringify([sessionStorage, localStorage]))).not.toContain('backup');
  });
});
