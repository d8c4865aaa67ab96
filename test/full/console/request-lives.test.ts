import { expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import { describeConsole, type Visitor } from '../../journeys/console/browser.ts';
import { decide, linesOf, openDialog, reasonOf, waitForShown } from '../../journeys/console/deciding.ts';
import { decisionsOf } from '../../journeys/laws/cast.ts';

describeConsole('the page of a request', (stage) => {
  it.each([
    { width: 1440, scheme: 'light' },
    { width: 390, scheme: 'dark' },
  ] as const)('shows what Temporal keeps once somebody wants it, at %o', async (look) => {
    const { id } = await stage.cast.ask();
    const { workflow } = stage.cast.stack.temporal;
    // Anybody who can write to the namespace chooses names.
    await workflow.getHandle(id).signal('<img src=x onerror=alert(1)>\u202e');
    const olga = await stage.signIn('olga', look);
    const reads = countReads(olga, '/workflow-events');
    await olga.open(`/requests/${id}`);
    const show = olga.page.getByRole('button', { name: 'Show the events of Temporal' });
    await show.waitFor();
    expect(reads()).toBe(0);
    await show.click();
    const events = olga.page.getByRole('group', { name: 'Events of Temporal' });
    await events.getByText('WorkflowExecutionStarted').waitFor();
    for (const name of ['privilegedAction', 'plan', 'receive'])
      expect((await events.textContent())?.toLowerCase()).toContain(name.toLowerCase());
    await events.getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await events.textContent()).not.toContain('\u202e');
    expect(await olga.accessibilityFaults()).toEqual([]);
    const isWider = 'document.documentElement.scrollWidth > innerWidth';
    expect(await olga.page.evaluate(isWider)).toBe(false);
    await olga.page.getByRole('button', { name: 'Hide the events of Temporal' }).click();
    await events.waitFor({ state: 'hidden' });
  });

  it('tells when each step of the ladder comes', async () => {
    const { id } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    await olga.open(`/requests/${id}`);
    const ladder = olga.page.getByRole('list', { name: 'Who may decide from when' }).first();
    const view = await stage.cast.show(stage.cast.olga, id);
    const [rung] = view.progress?.rules[0]?.stages[0]?.ladder ?? [];
    expect(rung?.at).not.toBeNull();
    await ladder
      .locator(`time[datetime="${rung?.at ?? ''}"]`)
      .first()
      .waitFor();
  });

  it('keeps a reason that was typed when the session ended', async () => {
    const { id } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    await olga.open(`/requests/${id}`);
    const dialog = await openDialog(olga.page, 'Deny');
    await reasonOf(dialog).fill('not without a ticket');
    await stage.cast.stack.keyturnDb.query('update keyturn.session set expires_at = began_at');
    olga.expectRefusal(401);
    await dialog.getByRole('button', { name: 'Deny', exact: true }).click();
    const over = olga.page.getByRole('dialog', { name: 'Your session is over' });
    await over.getByRole('button', { name: 'Sign in again' }).click();
    await olga.passProvider('olga');
    const again = await openDialog(olga.page, 'Deny');
    expect(await reasonOf(again).inputValue()).toBe('not without a ticket');
    expect(await decisionsOf(stage.cast.stack, id)).toEqual([]);
    await again.getByRole('button', { name: 'Deny', exact: true }).click();
    await waitForShown(olga.page, /The request is now denied/);
    expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([{ verdict: 'deny', outcome: 'counted' }]);
  });

  it('goes on by itself after the API was restarted', async () => {
    const { id } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    await olga.open(`/requests/${id}`);
    const dialog = await openDialog(olga.page, 'Approve');
    await reasonOf(dialog).fill('looks right');
    const [api] = stage.cast.stack.apis;
    await api?.kill9();
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await dialog.getByRole('alert').waitFor();
    expect(await reasonOf(dialog).inputValue()).toBe('looks right');
    await api?.start();
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
    await stage.cast.stack.waitForStatus(id, 'succeeded');
    // The stream is open again: the page learns of the outcome by itself.
    await olga.page.getByText('Succeeded', { exact: false }).first().waitFor();
    // What the browser itself says about a connection that broke is no fault of the page.
    expect(olga.takeFaults().filter((fault) => !/ERR_|Failed to load/.test(fault))).toEqual([]);
  });

  it('hides from a reviewer what they defer, until they look for it', async () => {
    const { id } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    await linesOf(olga.page).first().waitFor();
    await olga.open(`/requests/${id}`);
    await olga.page.getByRole('button', { name: 'Defer…' }).click();
    const dialog = olga.page.getByRole('dialog');
    await dialog.getByRole('radio').first().click();
    await dialog.getByRole('button', { name: 'Defer', exact: true }).click();
    await waitForShown(olga.page, 'It is deferred.');
    expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([{ verdict: 'defer', outcome: 'counted' }]);
    await waitFor({
      what: 'the inbox without it',
      check: async () => ((await stage.cast.inbox(stage.cast.olga)).includes(id) ? undefined : true),
    });
    // It waits as before: deciding is still possible.
    await decide(olga.page, 'Deny', 'not today');
    await waitForShown(olga.page, /The request is now denied/);
  });
});

describeConsole('several requests at once', (stage) => {
  it('are approved together where nothing calls for a look at each, and all of them run', async () => {
    const values = `'2026-11-01', 'lamp', 1, 'placed'`;
    const asked = await Promise.all(
      [1101, 1102, 1103].map((account) =>
        stage.cast.ask({
          statement: `insert into purchase (account_id, placed_at, item, total, status) values (${account}, ${values})`,
        }),
      ),
    );
    const olga = await stage.signIn('olga', { width: 1440 });
    const { page } = olga;
    await expect.poll(() => linesOf(page).count()).toBe(3);
    await expect.poll(() => page.title()).toBe('(3) Inbox · Keyturn');
    for (const box of await page.getByRole('checkbox', { name: /^Pick / }).all()) await box.check();
    await page
      .getByRole('region', { name: 'Picked requests' })
      .getByRole('button', { name: /^Approve/ })
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/^Reason for all/).fill('orders of this morning');
    await dialog.getByRole('button', { name: 'Approve 3 of 3' }).click();
    await expect.poll(() => dialog.getByText('Decided', { exact: true }).count()).toBe(3);
    for (const { id } of asked) {
      await stage.cast.stack.waitForStatus(id, 'succeeded');
      expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([
        { verdict: 'approve', outcome: 'counted', channel: 'console' },
      ]);
    }
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor();
    await expect.poll(() => page.title()).toBe('Inbox · Keyturn');
  });
});

function countReads({ page }: Visitor, ending: string): () => number {
  let count = 0;
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith(ending)) count += 1;
  });
  return () => count;
}
