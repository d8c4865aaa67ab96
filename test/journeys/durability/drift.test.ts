import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import {
  approve,
  askPending,
  brokenChecks,
  claimsOf,
  expectMadeOnce,
  expectUntouched,
  freshAccount,
  startJourney,
  type Submitted,
  type Journey,
  type RequestBody,
} from './journey.ts';
import { Lock } from './locks.ts';
import { holdClaims } from './moments.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney();
});

afterAll(async () => journey?.stack.stop());

interface Shown extends RequestBody {
  readonly plan: { readonly effects: readonly { readonly rows: readonly RowChange[] }[] };
}

interface RowChange {
  readonly key: string;
}

async function show({ id }: { readonly id: string }): Promise<Shown> {
  const { stack, olga } = journey;
  const { body } = await stack.http<Shown>({ path: `/v1/requests/${id}`, token: olga });
  return body;
}

/** People are asked anew: about another decision digest. */
async function reviewedAgain(request: { readonly id: string }, digest: string | null): Promise<Shown> {
  return waitFor({
    what: 'a new round of decisions',
    check: async () => {
      const shown = await show(request);
      return shown.status === 'pending' && shown.decision_digest !== digest ? shown : undefined;
    },
    explain: async () => `it is ${(await show(request)).status}`,
  });
}

/** What somebody else does to the account meanwhile. */
const OTHER_CHANGE = 'update account set credit_limit = credit_limit + 100 where id = $1';

describe('a target that changed after the approval', () => {
  it('is not touched: people are asked again about the new plan, and the old decisions are void', async () => {
    const { stack, olga, dmitri } = journey;
    const request = await askPending(journey);
    const first = await show(request);
    const lock = await holdClaims(journey);
    await approve(journey, request);
    await lock.isWaitedFor(stack);
    await stack.target.query(OTHER_CHANGE, [request.account]);
    await lock.release();
    const second = await reviewedAgain(request, first.decision_digest);
    const drifted = { ...request, limit: request.limit + 100 };
    await expectOnlyOtherChange(drifted);
    const late = await stack.decide<RequestBody>(dmitri, request.id, {
      decision_digest: first.decision_digest ?? '',
    });
    expect([late.status, late.body.code]).toEqual([409, 'decision_digest_stale']);
    expect(JSON.stringify(second.plan)).not.toBe(JSON.stringify(first.plan));
    await approve(journey, request, olga);
    await stack.waitForStatus(request.id, 'succeeded');
    expect(await limitAndRuns(drifted)).toEqual({ limit: drifted.limit + 1, runs: 1 });
    expect(await brokenChecks(journey, request.id)).toEqual([]);
  });

  it('is not touched either when the change comes while the execution already runs', async () => {
    const { stack } = journey;
    const request = await askPending(journey);
    const first = await show(request);
    const other = await Lock.take(stack.databases.targetAdmin, OTHER_CHANGE, [request.account]);
    await approve(journey, request);
    await other.isWaitedFor(stack);
    expect(await claimsOf(stack, request.id, 'claimed')).toBe(1);
    await other.commit();
    await reviewedAgain(request, first.decision_digest);
    const drifted = { ...request, limit: request.limit + 100 };
    await expectOnlyOtherChange(drifted);
    expect(await claimsOf(stack, request.id, 'released')).toBe(1);
    await approve(journey, request);
    await stack.waitForStatus(request.id, 'succeeded');
    expect(await limitAndRuns(drifted)).toEqual({ limit: drifted.limit + 1, runs: 1 });
    expect(await brokenChecks(journey, request.id)).toEqual([]);
  });

  it('is not touched when further rows came under the statement', async () => {
    const { stack, agent, olga } = journey;
    const [one, two] = [freshAccount(), freshAccount()];
    await stack.target.query(`update account set currency = 'CHF' where id = $1`, [one]);
    const statement = `update account set status = 'frozen' where currency = 'CHF'`;
    const created = await stack.request<RequestBody>(agent, {
      action: 'postgres.execute',
      target: 'shop',
      arguments: { statement },
    });
    const first = await show(created.body);
    const lock = await holdClaims(journey);
    await approve(journey, created.body);
    await lock.isWaitedFor(stack);
    await stack.target.query(`update account set currency = 'CHF' where id = $1`, [two]);
    await lock.release();
    const second = await reviewedAgain(created.body, first.decision_digest);
    expect(await frozenAccounts([one, two])).toEqual([]);
    expect([first, second].map(({ plan }) => plan.effects[0]?.rows.length)).toEqual([1, 2]);
    await approve(journey, created.body, olga);
    await stack.waitForStatus(created.body.id, 'succeeded');
    expect(await frozenAccounts([one, two])).toEqual([one, two]);
  });

  async function frozenAccounts(ids: readonly number[]): Promise<readonly number[]> {
    const sql = `select id::int from account where status = 'frozen' and id = any ($1) order by id`;
    const { rows } = await journey.stack.target.query<{ id: number }>(sql, [ids]);
    return rows.map(({ id }) => id);
  }

  async function limitAndRuns(request: Submitted): Promise<{ limit: number; runs: number }> {
    const sql = `select credit_limit::float8 as limit,
      (select count(*)::int from keyturn.execution where request_id = $2 and not fenced) as runs
      from account where id = $1`;
    const { rows } = await journey.stack.target.query<{ limit: number; runs: number }>(sql, [
      request.account,
      request.id,
    ]);
    return rows[0] ?? expect.unreachable();
  }

  async function expectOnlyOtherChange(request: Submitted): Promise<void> {
    expect(await limitAndRuns(request)).toEqual({ limit: request.limit, runs: 0 });
  }
});

describe('an approval past its maximum age', () => {
  it('executes nothing: people are asked again, and fresh approvals execute it', async () => {
    const { stack, olga, dmitri } = journey;
    const request = await askPending(journey, { target: 'shop-stale' });
    const lock = await holdClaims(journey);
    await approve(journey, request, olga);
    await approve(journey, request, dmitri);
    await lock.isWaitedFor(stack);
    await waitFor({ what: 'the approvals to be too old', check: () => approvalsAreOld(request.id) });
    await lock.release();
    await waitFor({
      what: 'people to be asked again',
      check: async () => ((await roundOf(request.id)) === 2 ? true : undefined),
    });
    await stack.waitForStatus(request.id, 'pending');
    await expectUntouched(journey, request);
    expect(await claimsOf(stack, request.id, 'claimed')).toBe(0);
    await approve(journey, request, olga);
    await approve(journey, request, dmitri);
    await expectMadeOnce(journey, request);
  });

  /** The policy of the target says three seconds. */
  async function approvalsAreOld(id: string): Promise<true | undefined> {
    const sql = `select 1 from keyturn.decision where request = $1 and at > now() - interval '3 seconds'`;
    const { rowCount } = await journey.stack.keyturnDb.query(sql, [id]);
    return rowCount === 0 ? true : undefined;
  }

  async function roundOf(id: string): Promise<unknown> {
    const { rows } = await journey.stack.keyturnDb.query<{ round: number }>(
      'select round from keyturn.request where id = $1',
      [id],
    );
    return rows[0]?.round;
  }
});
