import type { Locator, Page } from 'playwright-core';

/** A verdict by the name of its button. */
export type Act = 'Approve' | 'Deny';

/** The lines of the inbox, each with what opens it. */
export function linesOf(page: Page): Locator {
  return page.getByRole('list', { name: 'Requests that wait' }).locator('button[aria-expanded]');
}

/** Opens the dialog of a verdict on the page of a request. */
export async function openDialog(page: Page, act: Act): Promise<Locator> {
  await page
    .getByRole('group', { name: 'Decide' })
    .getByRole('button', { name: `${act}…` })
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: act, exact: true }).waitFor();
  return dialog;
}

/** The field for the reason in it. */
export function reasonOf(dialog: Locator): Locator {
  return dialog.getByRole('textbox', { name: /^Reason/ });
}

/** Decides with a reason, and waits until the page says that it is done. */
export async function decide(page: Page, act: Act, reason: string): Promise<void> {
  const dialog = await openDialog(page, act);
  await reasonOf(dialog).fill(reason);
  await dialog.getByRole('button', { name: act, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

/** How a request stands, as its page says at the top. */
export async function waitForShown(page: Page, text: string | RegExp): Promise<void> {
  await page.getByRole('main').getByText(text).first().waitFor();
}
