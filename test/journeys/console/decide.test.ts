import { expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import { decisionsOf, stepsOf } from '../laws/cast.ts';
import { describeConsole, type Stage, type Visitor } from './browser.ts';
import { decide, linesOf, openDialog, reasonOf, waitForShown } from './deciding.ts';

const PHONE = { width: 360, height: 740 };

describeConsole('a reviewer with a browser', (stage) => {
  it('finds a request in the inbox, reads what it would do, approves it, and sees it executed', async () => {
    const olga = await stage.signIn('olga');
    const statement = 'update account set credit_limit = 9876 where id = 1201';
    const { id } = await stage.cast.ask({ statement, claims: { justification: 'as agreed with sales' } });
    await linesOf(olga.page).filter({ hasText: 'shop' }).first().click();
    await waitForShown(olga.page, '9876');
    await olga.open(`/requests/${id}`);
    await waitForShown(olga.page, '9876');
    await waitForShown(olga.page, 'as agreed with sales');
    expect(await limitOf(stage, 1201)).not.toBe(9876);
    await decide(olga.page, 'Approve', 'Matches the ticket');
    await stage.cast.stack.waitForStatus(id, 'succeeded');
    expect(await limitOf(stage, 1201)).toBe(9876);
    // By itself: the page listens for changes.
    await waitForShown(olga.page, /^succeeded$/);
    await waitForShown(olga.page, 'Matches the ticket');
    expect(await decisionsOf(stage.cast.stack, id)).toMatchObject([
      { verdict: 'approve', outcome: 'counted', channel: 'console' },
    ]);
  });

  it('fills one of two seats; the other one sees that at once, fills the second, and both see the end', async () => {
    const [olga, dmitri] = await Promise.all([stage.signIn('olga'), stage.signIn('dmitri')]);
    const { id } = await stage.cast.ask({ target: 'shop-two-people' });
    await Promise.all([olga.open(`/requests/${id}`), dmitri.open(`/requests/${id}`)]);
    await waitForShown(dmitri.page, /0 of 2/);
    await decide(olga.page, 'Approve', 'First of two');
    await waitForShown(olga.page, /1 of 2/);
    await waitForShown(dmitri.page, /1 of 2/);
    await waitForShown(dmitri.page, 'First of two');
    expect((await stage.cast.show(stage.cast.olga, id)).status).toBe('pending');
    // She is not offered to approve again: one person fills one seat.
    expect(await olga.page.getByRole('button', { name: 'Approve…' }).count()).toBe(0);
    await decide(dmitri.page, 'Approve', 'Second of two');
    await stage.cast.stack.waitForStatus(id, 'succeeded');
    await Promise.all([waitForShown(olga.page, /^succeeded$/), waitForShown(dmitri.page, /^succeeded$/)]);
  });

  it('denies with a phone, where nothing is wider than the screen', async () => {
    const olga = await stage.signIn('olga', PHONE);
    const { id } = await stage.cast.ask();
    await olga.open(`/requests/${id}`);
    await olga.page.getByRole('button', { name: 'Deny…' }).waitFor();
    expect(await isWiderThanScreen(olga)).toBe(false);
    const dialog = await openDialog(olga.page, 'Deny');
    expect(await isWiderThanScreen(olga)).toBe(false);
    await reasonOf(dialog).fill('Not without a ticket');
    await dialog.getByRole('button', { name: 'Deny', exact: true }).click();
    await stage.cast.stack.waitForStatus(id, 'denied');
    await waitForShown(olga.page, 'denied by a person');
    await waitForShown(olga.page, 'Not without a ticket');
    expect(await stepsOf(stage.cast.stack, id)).toContain('request.denied');
  });

  it('is told that somebody else was faster, and decides nothing', async () => {
    const olga = await stage.signIn('olga');
    const { stack, dmitri } = stage.cast;
    const { id } = await stage.cast.ask();
    await olga.open(`/requests/${id}`);
    const dialog = await openDialog(olga.page, 'Approve');
    await reasonOf(dialog).fill('Matches the ticket');
    // Between her click and the server.
    await olga.page.route('**/decisions', async (route) => {
      expect((await stack.decide(dmitri, id, { verdict: 'deny' })).status).toBe(200);
      await stack.waitForStatus(id, 'denied');
      await route.continue();
    });
    olga.expectRefusal(409);
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await dialog.getByText(/Too late|has changed while you were deciding/).waitFor();
    await dialog.getByRole('button', { name: 'Read it again' }).click();
    await waitForShown(olga.page, 'denied by a person');
    const counted = (await decisionsOf(stack, id)).filter(({ outcome }) => outcome === 'counted');
    expect(counted).toMatchObject([{ verdict: 'deny' }]);
  });

  it('is told that it was planned again while they typed, and has the reason still', async () => {
    const olga = await stage.signIn('olga');
    const { stack, dmitri } = stage.cast;
    const statement = 'update account set credit_limit = credit_limit + 5 where id = 1202';
    const { id, decision_digest: digest } = await stage.cast.ask({ statement });
    await olga.open(`/requests/${id}`);
    const dialog = await openDialog(olga.page, 'Approve');
    await reasonOf(dialog).fill('A reason that took a while to write');
    await stack.target.query('update account set credit_limit = credit_limit + 100 where id = 1202');
    expect((await stack.decide(dmitri, id)).status).toBe(200);
    await waitFor({
      what: 'a new round',
      check: async () => {
        const shown = await stage.cast.show(stage.cast.olga, id);
        return (shown.status === 'pending' && shown.decision_digest !== digest) || undefined;
      },
    });
    await dialog.getByText('has changed while you were deciding').waitFor();
    expect(await dialog.getByRole('button', { name: 'Approve', exact: true }).count()).toBe(0);
    await dialog.getByRole('button', { name: 'Read it again' }).click();
    await waitForShown(olga.page, /round 2/);
    const again = await openDialog(olga.page, 'Approve');
    expect(await reasonOf(again).inputValue()).toBe('A reason that took a while to write');
    await again.getByRole('button', { name: 'Approve', exact: true }).click();
    await stack.waitForStatus(id, 'succeeded');
  });

  it('signs in again where the session has ended, and has the reason still', async () => {
    const olga = await stage.signIn('olga');
    const { id } = await stage.cast.ask();
    await olga.open(`/requests/${id}`);
    const dialog = await openDialog(olga.page, 'Approve');
    await reasonOf(dialog).fill('Checked with\nthe customer');
    olga.expectRefusal(401);
    expect((await stage.cast.post(stage.cast.olga, '/v1/sessions/end-all', {})).status).toBe(200);
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await olga.page.getByRole('button', { name: 'Sign in again' }).click();
    await olga.passProvider('olga');
    const again = await openDialog(olga.page, 'Approve');
    expect(new URL(olga.page.url()).pathname).toBe(`/requests/${id}`);
    expect(await reasonOf(again).inputValue()).toBe('Checked with\nthe customer');
    expect((await stage.cast.show(stage.cast.olga, id)).status).toBe('pending');
    await again.getByRole('button', { name: 'Approve', exact: true }).click();
    await stage.cast.stack.waitForStatus(id, 'succeeded');
  });
});

async function limitOf({ cast }: Stage, account: number): Promise<number> {
  const sql = 'select credit_limit from account where id = $1';
  return Number((await cast.stack.target.query(sql, [account])).rows[0].credit_limit);
}

async function isWiderThanScreen({ page }: Visitor): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}
