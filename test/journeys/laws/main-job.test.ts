import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyRequest } from '../../../domain/audit/verification/verify.ts';
import type { Evidence } from '../../../contract/evidence.ts';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Timeline } from '../../../contract/history.ts';
import { isOver, openCast, refusal, stepsOf, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

interface AccountRow {
  readonly credit_limit: string;
  readonly status: string;
}

async function accountRow(id: number): Promise<AccountRow> {
  const sql = 'select credit_limit, status from account where id = $1';
  const { rows } = await cast.stack.target.query<AccountRow>(sql, [id]);
  if (!rows[0]) throw new Error(`There is no account ${id}.`);
  return rows[0];
}

/** What the target's own trigger saw: each change of an account once. */
async function changesOf(id: number): Promise<number> {
  const sql = 'select count(*)::int as count from account_audit where account_id = $1';
  const { rows } = await cast.stack.target.query<{ count: number }>(sql, [id]);
  return rows[0]?.count ?? 0;
}

describe('one request, from the question to the proof', () => {
  const statement = 'update account set credit_limit = 4321.5 where id = 1017';
  const claims = {
    justification: 'The customer agreed, see the ticket',
    links: ['https://tickets.example/4711'],
    run_id: 'run-17',
    model: 'model-x',
    prompt_digest: 'sha256:feed',
  };
  let request: RequestView;
  let before: AccountRow;

  it('is planned and held, and nothing has changed', async () => {
    before = await accountRow(1017);
    request = await cast.ask({ statement, claims });
    expect(request).toMatchObject({
      status: 'pending',
      target: 'shop',
      environment: 'prod',
      mode: 'execute',
    });
    expect(request.requested_by.subject).toBe('agent-billing');
    expect(request.lineage.map((member) => `${member.role} ${member.subject}`)).toEqual([
      'requester agent-billing',
      'owner ada',
    ]);
    expect(await accountRow(1017)).toEqual(before);
    expect(await changesOf(1017)).toBe(0);
  });

  it('shows the requester and its owner who may decide and nothing of the plan', async () => {
    for (const token of [cast.agent, cast.ada]) {
      const seen = await cast.show(token, request.id);
      expect([seen.may_decide, seen.requirement, seen.risk]).toEqual([['group:dba'], null, null]);
      expect(seen.expires_at).not.toBeNull();
      expect(seen.arguments).toEqual({ statement });
      expect(seen.claims).toEqual(claims);
      expect([seen.plan, seen.decisions, seen.summary, seen.risk_reasons]).toEqual([
        undefined,
        undefined,
        null,
        null,
      ]);
      const timeline = await cast.get<Timeline>(token, `/v1/requests/${request.id}/timeline`);
      expect(JSON.stringify(timeline.body)).not.toMatch(/credit_limit|parts|4321/);
      const evidence = await cast.get(token, `/v1/requests/${request.id}/evidence`);
      expect(refusal(evidence)).toEqual([403, 'forbidden']);
    }
  });

  it('shows a reviewer the rows as they are and as they would be, then the words of the agent', async () => {
    const seen = await cast.show(cast.olga, request.id);
    const effect = seen.plan?.effects.find(({ resource }) => resource.endsWith('account'));
    expect(effect).toMatchObject({ inserted: 0, updated: 1, deleted: 0 });
    const [row] = effect?.rows ?? [];
    expect(row?.key).toContain('1017');
    expect(Number(row?.before?.['credit_limit'])).toBe(Number(before.credit_limit));
    expect(Number(row?.after?.['credit_limit'])).toBe(4321.5);
    expect(seen.plan?.effects.some(({ resource }) => resource.endsWith('account_audit'))).toBe(true);
    expect(seen.claims).toEqual(claims);
    expect(seen.arguments).toEqual({ statement });
    expect(await cast.inbox(cast.olga)).toContain(request.id);
  });

  it('records who tried to decide it and may not', async () => {
    const own = await cast.stack.decide(cast.ada, request.id, {
      decision_digest: request.decision_digest ?? '',
    });
    expect(refusal(own)).toEqual([403, 'self_approval']);
    const machine = await cast.stack.decide(cast.agent, request.id, {
      decision_digest: request.decision_digest ?? '',
    });
    expect(refusal(machine)).toEqual([403, 'machine_cannot_decide']);
  });

  it('is executed after one approval of what was shown, once', async () => {
    const decided = await cast.stack.decide<{ decision: { outcome: string; person: string } }>(
      cast.olga,
      request.id,
      { decision_digest: request.decision_digest ?? '', reason: 'checked with the customer' },
    );
    expect(decided.status).toBe(200);
    expect(decided.body.decision).toMatchObject({ outcome: 'counted', person: 'olga', grade: 'C' });
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect(Number((await accountRow(1017)).credit_limit)).toBe(4321.5);
    expect(await changesOf(1017)).toBe(1);
    const executions = await cast.stack.keyturnDb.query(
      'select state, attempt from keyturn.execution where request = $1',
      [request.id],
    );
    expect(executions.rows).toEqual([{ state: 'succeeded', attempt: 1 }]);
  });

  it('tells its story in order, with who did what', async () => {
    const { body } = await cast.get<Timeline>(cast.olga, `/v1/requests/${request.id}/timeline`);
    expect(body.items.map((item) => item.type)).toEqual([
      'request.received',
      'request.planned',
      'request.pending',
      'decision.attempt_refused',
      'decision.attempt_refused',
      'decision.counted',
      'request.approved',
      'execution.claimed',
      'execution.succeeded',
    ]);
    expect(body.items.map((item) => item.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(body.items[0]?.actor).toMatchObject({ kind: 'agent', name: 'Billing agent' });
    expect(body.items[5]).toMatchObject({ actor: { kind: 'person', name: 'Olga Petrenko' }, grade: 'C' });
    const { temporal_ui_url: link } = await cast.show(cast.olga, request.id);
    expect(link).toContain(`/workflows/${request.id}`);
  });

  it('shows the agent the result, the plan and the decision once it was approved', async () => {
    const seen = await cast.show(cast.agent, request.id);
    expect(seen).toMatchObject({ status: 'succeeded', failure: null });
    expect(seen.result).toMatchObject({
      rows: [
        { resource: 'public.account', updated: 1 },
        { resource: 'public.account_audit', inserted: 1 },
      ],
    });
    expect(seen.decisions?.[0]).toMatchObject({ person: null, reason: 'checked with the customer' });
    expect(seen.plan?.effects.length).toBeGreaterThan(0);
  });

  it('can be verified by anybody who has the keys, and by nobody after an edit', async () => {
    const { body } = await cast.get<Evidence>(cast.dmitri, `/v1/requests/${request.id}/evidence`);
    const keys = body.keys as Parameters<typeof verifyRequest>[1];
    const evidence = { ...body, request: request.id };
    const now = new Date().toISOString();
    const report = await verifyRequest(evidence, keys, now);
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
    const shortened = await verifyRequest({ ...evidence, leaves: body.leaves.toSpliced(3, 1) }, keys, now);
    expect(shortened.ok).toBe(false);
    const last = body.leaves.at(-1) ?? '';
    const forged = await verifyRequest(
      { ...evidence, leaves: [...body.leaves.slice(0, -1), last.replace(request.id, `${request.id}x`)] },
      keys,
      now,
    );
    expect(forged.ok).toBe(false);
  });

  it('is answered again to a repeated key, long after its workflow closed, and runs nothing', async () => {
    const key = createHash('sha256').update('repeat').digest('hex');
    const first = await cast.ask({ statement: statement.replace('1017', '1018'), key });
    await cast.stack.decide(cast.olga, first.id);
    await cast.stack.waitForStatus(first.id, 'succeeded');
    const again = await cast.stack.request<RequestView>(
      cast.agent,
      {
        action: 'postgres.execute',
        target: 'shop',
        arguments: { statement: statement.replace('1017', '1018') },
      },
      { 'idempotency-key': key },
    );
    expect([again.status, again.body.id, again.body.status]).toEqual([200, first.id, 'succeeded']);
    expect(await changesOf(1018)).toBe(1);
  });
});

describe('a refused dry run', () => {
  it.each([
    ['a constraint', `update account set credit_limit = -1 where id = 1019`],
    ['a cast of stored data', `update account set credit_limit = status::numeric where id = 1020`],
    ['two statements', `select 1; select 2`],
    ['a missing table', `update nothing_here set a = 1`],
  ])('of %s tells the requester its class only', async (_name, statement) => {
    const request = await cast.ask({ statement });
    expect(request.status).toBe('failed');
    expect(Object.keys(request.failure ?? {})).toEqual(['code']);
    for (const token of [cast.agent, cast.ada]) {
      const { status, failure, plan, summary } = await cast.show(token, request.id);
      expect({ status, failure, plan, summary }).toEqual({
        status: 'failed',
        failure: request.failure,
        plan: undefined,
        summary: null,
      });
      const timeline = await cast.get<Timeline>(token, `/v1/requests/${request.id}/timeline`);
      const shown = timeline.body.items.map(({ facts, parts }) => ({ facts, parts }));
      expect(shown).toEqual(shown.map(() => ({ facts: {}, parts: undefined })));
    }
    const reviewer = await cast.show(cast.olga, request.id);
    expect(reviewer.failure).toMatchObject({ code: request.failure?.code, detail: expect.any(String) });
  });

  it('cannot be decided', async () => {
    const request = await cast.ask({ statement: 'update account set credit_limit = -1 where id = 1021' });
    const digest = `sha256:${'0'.repeat(64)}`;
    const reply = await cast.stack.decide(cast.olga, request.id, { decision_digest: digest });
    expect(refusal(reply)).toEqual(isOver());
  });
});

describe('policy without people', () => {
  it('executes at once what it allows, and the evidence holds', async () => {
    const request = await cast.ask({
      target: 'shop-sandbox',
      statement: 'update account set credit_limit = 99 where id = 1030',
    });
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect(await changesOf(1030)).toBe(1);
    expect(await stepsOf(cast.stack, request.id)).toContain('request.allowed');
    const { body } = await cast.get<Evidence>(cast.olga, `/v1/requests/${request.id}/evidence`);
    const report = await verifyRequest(
      { ...body, request: request.id },
      body.keys as Parameters<typeof verifyRequest>[1],
      new Date().toISOString(),
    );
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
  });

  it('denies what it forbids, says why, and nothing runs', async () => {
    const request = await cast.ask({
      target: 'shop-closed',
      statement: 'update account set credit_limit = 99 where id = 1031',
    });
    expect(request).toMatchObject({ status: 'denied', denied_by: 'policy', failure: { code: 'forbidden' } });
    const reply = await cast.stack.decide<Problem>(cast.olga, request.id, {
      decision_digest: `sha256:${'0'.repeat(64)}`,
    });
    expect(refusal(reply)).toEqual(isOver());
    expect(await changesOf(1031)).toBe(0);
  });
});
