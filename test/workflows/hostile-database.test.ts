import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digestOf } from '../../domain/crypto/digest.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { planDigest } from '../../domain/request/digests.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk, randomId } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;
/** Signed in as the worker's role: somebody took its password. */
let hostile: Client;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
  hostile = new Client({ connectionString: stack.databases.keyturn.worker });
  await hostile.connect();
});

afterAll(async () => {
  await hostile.end();
  await worker.stop();
  await stack.stop();
});

/** Says in the database that people have approved, and makes the workflow look. */
async function pretendApproved(id: string, set = ''): Promise<void> {
  await hostile.query(`update keyturn.request set status = 'approved'${set} where id = $1`, [id]);
  await desk.signal(id, 'eyJhbGciOiJFZERTQSJ9.e30.AAAA');
}

/** The executor looked, did not act, and asked people again. */
async function expectReviewedAnew(id: string, round = 2): Promise<void> {
  await waitFor({
    what: `round ${round} of ${id}`,
    check: async () => {
      const row = await desk.row(id);
      return row['status'] === 'pending' && row['round'] === round ? true : undefined;
    },
    explain: async () => `course: ${(await courseOf(stack, id)).join(', ')}`,
  });
  await expectNotExecuted(id);
}

async function expectNotExecuted(id: string): Promise<void> {
  expect(worker.target.effects).not.toContain(id);
  expect(await executionsOf(stack, id)).toEqual([]);
}

/** The executor refused for good: what is stored is not what was signed. */
async function expectRefused(id: string): Promise<void> {
  await expect(stack.temporal.workflow.getHandle(id).result()).rejects.toThrow('Workflow execution failed');
  await expectNotExecuted(id);
}

/** What was received is no column of the worker's role. The owner of the database changes it, and gets no further. */
async function rewriteReceived(id: string, change: string): Promise<void> {
  const text = `update keyturn.request set ${change} where id = $1`;
  await expect(hostile.query(text, [id])).rejects.toMatchObject({ code: '42501' });
  await stack.keyturnDb.query(text, [id]);
}

interface DecisionInsert {
  readonly person: string;
  readonly envelope: string;
  readonly id?: string;
}

async function insertDecision(request: string, { person, envelope, id }: DecisionInsert): Promise<void> {
  await hostile.query(
    `insert into keyturn.decision (id, request, round, person, verdict, at, grade, seats, reviewer_issuer,
       reviewer_subject, channel, envelope, outcome, recorded_at)
     values ($1, $2, 1, $3, 'approve', now(), 'A', '[{"rule":0,"stage":0},{"rule":0,"stage":1}]', $4, $3, 'api', $5,
       'counted', now())`,
    [id ?? randomId('dec'), request, person, stack.issuer.url, envelope],
  );
}

describe('one who writes to the database as the worker gets nothing executed', () => {
  it('by a status alone', async () => {
    const id = await desk.ask();
    await pretendApproved(id);
    await expectReviewedAnew(id);
  });

  it('by a decision without a valid envelope', async () => {
    const id = await desk.ask();
    await insertDecision(id, { person: 'olga', envelope: 'not signed' });
    await pretendApproved(id);
    await expectReviewedAnew(id);
  });

  it('by a decision that was signed for another request', async () => {
    const [id, other] = [await desk.ask(), await desk.ask()];
    const payload = await desk.decisionPayload(other, 'olga');
    const envelope = await desk.decision(other, 'olga', payload);
    await insertDecision(id, { person: 'olga', envelope, id: payload.id });
    await pretendApproved(id);
    await expectReviewedAnew(id);
  });

  it('by a denial, or an approval of somebody without a seat, put down as an approval', async () => {
    for (const change of [{ verdict: 'deny' as const }, { reviewer: desk.account('omar') }]) {
      const id = await desk.ask();
      const payload = await desk.decisionPayload(id, 'olga', change);
      await insertDecision(id, {
        person: 'olga',
        envelope: await desk.decision(id, 'olga', payload),
        id: payload.id,
      });
      await pretendApproved(id);
      await expectReviewedAnew(id);
    }
  });

  it('by one valid decision put down for two people, or with wider seats', async () => {
    const id = await desk.ask({ target: 'shop-sequential' });
    const payload = await desk.decisionPayload(id, 'olga');
    const envelope = await desk.decision(id, 'olga', payload);
    await insertDecision(id, { person: 'olga', envelope, id: payload.id });
    await insertDecision(id, { person: 'omar', envelope });
    await pretendApproved(id);
    await expectReviewedAnew(id);
  });

  it('by a lowered requirement, also together with the approval that it would need', async () => {
    const lowered = `, requirement = jsonb_set(requirement, '{rules,0,stages,0,quorum}', '1')`;
    for (const set of [lowered, `, requirement = jsonb_set(requirement, '{rules}', '[]')`]) {
      const id = await desk.ask({ target: 'shop-two-people' });
      const payload = await desk.decisionPayload(id, 'olga');
      await insertDecision(id, {
        person: 'olga',
        envelope: await desk.decision(id, 'olga', payload),
        id: payload.id,
      });
      await pretendApproved(id, set);
      await expectReviewedAnew(id);
      const { requirement } = await desk.row(id);
      expect(JSON.stringify(requirement)).toContain('"quorum":2');
    }
  });

  it('by taking the requirement away', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await pretendApproved(id, ', requirement = null');
    await expectReviewedAnew(id);
  });

  it('by another plan under the approval', async () => {
    const id = await desk.ask();
    const { rows } = await hostile.query<{ body: StoredPlan }>(
      'select body from keyturn.plan where request = $1',
      [id],
    );
    const [{ body } = { body: undefined }] = rows;
    if (!body) throw new Error('There is no plan.');
    const other = { ...body, fingerprint: digestOf('something else') };
    await hostile.query('insert into keyturn.plan values ($1, $2, $3, now())', [
      id,
      planDigest(other),
      JSON.stringify(other),
    ]);
    const envelope = await desk.decisionPayload(id, 'olga');
    await insertDecision(id, {
      person: 'olga',
      envelope: await desk.decision(id, 'olga', envelope),
      id: envelope.id,
    });
    await pretendApproved(id, `, plan_digest = '${planDigest(other)}'`);
    await expectReviewedAnew(id);
    // What is there can not even be changed in place.
    await expect(
      hostile.query('update keyturn.plan set body = $2 where request = $1', [id, JSON.stringify(other)]),
    ).rejects.toThrow('permission denied');
    await expect(
      hostile.query(`update keyturn.decision set seats = '[]' where request = $1`, [id]),
    ).rejects.toThrow('permission denied');
  });

  it('by the plan of another request, or one whose body was changed by a superuser', async () => {
    const id = await desk.ask();
    await stack.keyturnDb.query(
      `update keyturn.plan set body = jsonb_set(body, '{fingerprint}', to_jsonb($2::text)) where request = $1`,
      [id, digestOf('something else')],
    );
    await desk.decide(id, 'olga');
    await expectReviewedAnew(id);
  });

  it('by another lineage, target, mode, time or policy of creation than was signed', async () => {
    const changes = [
      `lineage = jsonb_build_array(lineage -> 0)`,
      `target = 'shop-sandbox'`,
      `mode = 'gate'`,
      `intent_digest = 'sha256:' || repeat('0', 64)`,
      `created_at = created_at + interval '1 second'`,
      `creation_policy_digest =
         (select digest from keyturn.policy_set where digest <> creation_policy_digest limit 1)`,
    ];
    const { rows } = await hostile.query<{ body: PolicySet }>('select body from keyturn.policy_set');
    const [{ body: policy } = { body: undefined }] = rows;
    if (!policy) throw new Error('There is no policy.');
    const other: PolicySet = { ...policy, rules: [] };
    const inserting = 'insert into keyturn.policy_set values ($1, $2, now(), $3)';
    const values = [policyDigest(other), JSON.stringify(other), 'hostile'];
    await expect(hostile.query(inserting, values)).rejects.toMatchObject({ code: '42501' });
    await stack.keyturnDb.query(inserting, values);
    for (const change of changes) {
      const id = await desk.ask();
      await rewriteReceived(id, change);
      await desk.decide(id, 'olga');
      await expectRefused(id);
    }
  });

  it('by the signed request of another id', async () => {
    const id = await desk.ask();
    const other = await desk.signRequest({ target: 'shop-sandbox' });
    await rewriteReceived(id, `envelope = '${other.envelope}'`);
    await desk.decide(id, 'olga');
    await expectRefused(id);
  });

  it('by moving the request to a run of their own', async () => {
    const id = await desk.ask();
    await rewriteReceived(id, `run_id = 'mine', status = 'approved'`);
    await desk.signal(id, 'eyJhbGciOiJFZERTQSJ9.e30.AAAA');
    await expectRefused(id);
  });

  it('and can not change or remove what the audit log holds', async () => {
    await expect(hostile.query(`update audit.entry set leaf = '{}'`)).rejects.toThrow('permission denied');
    await expect(hostile.query('delete from audit.entry')).rejects.toThrow('permission denied');
    await expect(stack.keyturnDb.query('delete from audit.entry')).rejects.toThrow('append-only');
  });
});
