import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digestOf } from '../../../domain/crypto/digest.ts';
import { verifyRequest } from '../../../domain/audit/verification/verify.ts';
import type { Evidence } from '../../../contract/evidence.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { withHeldClaims } from '../../workflows/held-claims.ts';
import { waitFor } from '../../stack/wait.ts';
import { openCast, raiseLimit, refusal, stepsOf, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

/** What a superuser of Keyturn's database could write into a stored plan: a path in it, and what stands there then. */
const ALTERED: readonly (readonly [what: string, path: string, value: unknown])[] = [
  ['another fingerprint', '{fingerprint}', digestOf('something else')],
  ['another statement', '{operation}', 'update account set credit_limit = 1 where id = 1002'],
  ['other words about it', '{summary}', 'Changes nothing.'],
  ['other counts', '{effects,0,updated}', 5_000],
  ['other values of a row', '{effects,0,rows,0,after,credit_limit}', '999999'],
  ['another way back', '{reversal}', { is_possible: true, how: 'Nothing changes.' }],
  ['lower risk facts', '{risk_facts,rows_changed}', 0],
  ['more warnings', '{warnings}', ['It was looked at before.']],
  ['another target', '{target_digest}', digestOf('another target')],
];

async function alterPlan(
  db: Pick<Cast['stack']['keyturnDb'], 'query'>,
  id: string,
  { path, value }: { readonly path: string; readonly value: unknown },
): Promise<void> {
  const altering = `update keyturn.plan set body = jsonb_set(body, $2, $3::jsonb)
    where request = $1 and body is distinct from jsonb_set(body, $2, $3::jsonb)`;
  const { rowCount } = await db.query(altering, [id, path, JSON.stringify(value)]);
  expect(rowCount).toBe(1);
}

async function accounts(): Promise<unknown> {
  const { rows } = await cast.stack.target.query('select * from account order by id');
  return rows;
}

/** What `verify` finds, by the evidence that the API gives although it shows the request to nobody. */
async function failedChecks(id: string): Promise<readonly string[]> {
  const { status, body } = await cast.get<Evidence>(cast.olga, `/v1/requests/${id}/evidence`);
  expect([status, body.request]).toEqual([200, null]);
  const keys = body.keys as Parameters<typeof verifyRequest>[1];
  const { checks } = await verifyRequest({ ...body, request: id }, keys, new Date().toISOString());
  return checks.flatMap(({ name, outcome }) => (outcome === 'failed' ? [name] : []));
}

/** The executor looked, did not act, planned anew and asks people again. */
async function expectNewReview(id: string): Promise<void> {
  await waitFor({
    what: `people to be asked again about ${id}`,
    check: async () => {
      const sql = `select 1 from keyturn.request where id = $1 and status = 'pending' and round = 2`;
      return (await cast.stack.keyturnDb.query(sql, [id])).rowCount === 1 ? true : undefined;
    },
    explain: async () => `there are ${(await stepsOf(cast.stack, id)).join(', ')}`,
  });
  const { rowCount } = await cast.stack.keyturnDb.query(
    'select 1 from keyturn.execution where request = $1',
    [id],
  );
  expect(rowCount).toBe(0);
}

async function approve(id: string, { decision_digest: digest }: RequestView): Promise<void> {
  const decided = await cast.stack.decide(cast.olga, id, { decision_digest: digest ?? '' });
  expect(decided.status).toBe(200);
}

describe('a stored plan that was altered in the database', () => {
  it.each(ALTERED)('after the approval leads to no effect: %s', async (_what, path, value) => {
    const request = await cast.ask({ statement: raiseLimit() });
    const before = await accounts();
    await withHeldClaims(
      cast.stack,
      async ({ admin }) => {
        await approve(request.id, request);
        await cast.stack.waitForStatus(request.id, 'approved');
        await alterPlan(admin, request.id, { path, value });
      },
      () => expectNewReview(request.id),
    );
    expect(await accounts()).toEqual(before);
    // What was planned anew is whole again, and people may approve it.
    const anew = await cast.show(cast.olga, request.id);
    expect(anew.plan?.operation).toBe(request.arguments?.['statement']);
    await approve(request.id, anew);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect(await accounts()).not.toEqual(before);
  });

  it.each(ALTERED)(
    'is shown to nobody, and an approval of it has no effect: %s',
    async (_what, path, value) => {
      const request = await cast.ask({ statement: raiseLimit() });
      const before = await accounts();
      await alterPlan(cast.stack.keyturnDb, request.id, { path, value });
      for (const token of [cast.olga, cast.omar]) {
        const shown = await cast.get(token, `/v1/requests/${request.id}`);
        expect(refusal(shown)).toEqual([500, 'plan_altered']);
      }
      expect(await failedChecks(request.id)).toContain('plans_unaltered');
      await cast.stack.decide(cast.olga, request.id, { decision_digest: request.decision_digest ?? '' });
      await expectNewReview(request.id);
      expect(await accounts()).toEqual(before);
    },
  );
});
