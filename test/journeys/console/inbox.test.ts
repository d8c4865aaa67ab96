import { afterEach, expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import { decisionsOf } from '../laws/cast.ts';
import { describeConsole, type Stage, type Visitor } from './browser.ts';

const LOOKS = [
  { width: 1440, scheme: 'light' },
  { width: 1440, scheme: 'dark' },
  { width: 390, scheme: 'light' },
  { width: 390, scheme: 'dark' },
] as const;

describeConsole('a reviewer with the inbox open', (stage) => {
  afterEach(() => denyAll(stage));

  it('is offered no demo outside of the demo while nothing waits, and sees a request come by itself', async () => {
    const olga = await stage.signIn('olga');
    await olga.page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
    expect(await olga.page.getByRole('button', { name: 'Make a demo request' }).count()).toBe(0);
    await stage.cast.ask();
    await lines(olga).first().waitFor();
    await soon(() => olga.page.title()).toBe('(1) Inbox · Keyturn');
    await soon(() => olga.page.locator('link[rel="icon"]').getAttribute('href')).toContain('%3E1%3C');
    await denyAll(stage);
    await olga.page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
  });

  it('decides with the keys alone, and is on the next line afterwards', async () => {
    const first = await stage.cast.ask({ claims: { justification: 'the first one' } });
    await stage.cast.ask({ claims: { justification: 'the second one' } });
    const olga = await stage.signIn('olga');
    const { page } = olga;
    await soon(() => lines(olga).count()).toBe(2);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByText('the first one').waitFor();
    await page.keyboard.press('a');
    await page.getByRole('dialog').getByText('exactly what is shown here').waitFor();
    await page
      .getByRole('dialog')
      .getByLabel(/^Reason/)
      .fill('keys are enough');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Your approval is recorded.').waitFor();
    await stage.cast.stack.waitForStatus(first.id, 'succeeded');
    expect(await decisionsOf(stage.cast.stack, first.id)).toMatchObject([
      { verdict: 'approve', outcome: 'counted', channel: 'console' },
    ]);
    await soon(() => lines(olga).count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.getByText('the second one').waitFor();
    await page.keyboard.press('a');
    await page.keyboard.press('Escape');
    expect((await stage.cast.inbox(stage.cast.olga)).length).toBe(1);
  });

  it('does nothing by single keys where that is switched off, nor while somebody types', async () => {
    await stage.cast.ask();
    const olga = await stage.signIn('olga');
    const { page } = olga;
    await lines(olga).first().click();
    await page.keyboard.press('/');
    await page.keyboard.type('ad');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.getByLabel(/^Search/).fill('');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('switch', { name: 'Shortcuts of one key' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await lines(olga).first().click();
    await page.keyboard.press('d');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('keeps what is searched and sorted in the address', async () => {
    const [ask] = await Promise.all([stage.cast.ask(), stage.cast.ask({ target: 'shop-two-people' })]);
    const olga = await stage.signIn('olga');
    const { page } = olga;
    await soon(() => lines(olga).count()).toBe(2);
    await page.getByLabel(/^Search/).fill(ask.id);
    await soon(() => lines(olga).count()).toBe(1);
    await page.getByLabel('Order').selectOption('newest');
    await soon(() => new URL(page.url()).search).toBe(`?q=${ask.id}&sort=newest`);
    await page.reload();
    await soon(() => lines(olga).count()).toBe(1);
    await page.getByLabel(/^Search/).fill('no such thing');
    await page.getByRole('button', { name: 'Clear the search' }).last().click();
    await soon(() => lines(olga).count()).toBe(2);
    await page.getByRole('button', { name: /^Your groups/ }).click();
    await soon(() => new URL(page.url()).search).toContain('scope=groups');
  });

  it('decides several at once, and shows the outcome of each', async () => {
    const asked = await Promise.all([
      stage.cast.ask(),
      stage.cast.ask(),
      stage.cast.ask({ target: 'shop-strict' }),
    ]);
    const olga = await stage.signIn('olga');
    const { page } = olga;
    await soon(() => lines(olga).count()).toBe(3);
    for (const box of await page.getByRole('checkbox', { name: /^Pick / }).all()) await box.check();
    const bar = page.getByRole('region', { name: 'Picked requests' });
    await bar.getByText('3 picked').waitFor();
    await bar.getByRole('button', { name: 'Deny…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason for all of them (policy asks for one)').fill('not today');
    await dialog.getByRole('button', { name: 'Deny 3 of 3' }).click();
    await soon(() => dialog.getByText('Decided', { exact: true }).count()).toBe(3);
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
    for (const { id } of asked) {
      expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([
        { verdict: 'deny', outcome: 'counted', channel: 'console' },
      ]);
    }
  });

  it('leaves out of a common approval what is risky, and says so', async () => {
    await stage.cast.ask();
    const { page } = await stage.signIn('olga');
    await page.getByRole('checkbox', { name: /^Pick / }).check();
    const bar = page.getByRole('region', { name: 'Picked requests' });
    await bar.getByRole('button', { name: 'Approve…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Left out. Its risk is high').waitFor();
    expect(await dialog.getByRole('button', { name: 'Approve 0 of 1' }).isDisabled()).toBe(true);
  });

  it('follows the changes of two tabs by one stream, which the second takes over', async () => {
    const olga = await stage.signIn('olga');
    const streams: string[] = [];
    const context = olga.page.context();
    context.on('request', (request) => {
      if (new URL(request.url()).pathname === '/v1/events') streams.push(request.url());
    });
    const second = await context.newPage();
    await second.goto(olga.page.url());
    await second.getByRole('heading', { name: 'Inbox', level: 1 }).waitFor();
    await stage.cast.ask();
    await Promise.all([olga.page, second].map((page) => linesOf(page).first().waitFor()));
    expect(streams).toEqual([]);
    await olga.page.close();
    await soon(() => streams.length).toBe(1);
    await denyAll(stage);
    await second.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
  });

  it.each(LOOKS)('reads well: $width pixels, $scheme', async (look) => {
    await stage.cast.ask({ claims: { justification: 'hidden \u202E turned \u202C, and p\u0430ypal' } });
    const olga = await stage.signIn('olga', look);
    const { page } = olga;
    await lines(olga).first().click();
    await page.getByText('U+202E').waitFor();
    await page.getByText('mixes Latin and Cyrillic').waitFor();
    expect(await olga.accessibilityFaults()).toEqual([]);
    const isWider = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await page.evaluate(isWider)).toBe(false);
    await page.getByRole('button', { name: 'Deny…' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await olga.accessibilityFaults()).toEqual([]);
  });
});

/** Waits for a fact. */
function soon<T>(read: () => T) {
  return expect.poll(read, { timeout: 30_000 });
}

function lines({ page }: Visitor) {
  return linesOf(page);
}

function linesOf(page: Visitor['page']) {
  return page.getByRole('list', { name: 'Requests that wait' }).locator('button[aria-expanded]');
}

/** Leaves nothing for the next test. */
async function denyAll({ cast }: Stage): Promise<void> {
  for (const id of await cast.inbox(cast.olga)) {
    const { decision_digest } = await cast.show(cast.olga, id);
    await cast.post(cast.olga, `/v1/requests/${id}/decisions`, {
      decision_digest,
      verdict: 'deny',
      reason: 'over',
    });
  }
  await waitFor({
    what: 'an empty inbox',
    check: async () => ((await cast.inbox(cast.olga)).length === 0 ? true : undefined),
  });
}
