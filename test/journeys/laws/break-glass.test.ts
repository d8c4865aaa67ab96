import { readFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { waitFor } from '../../stack/wait.ts';
import { activate, activePolicy, withPolicy } from '../../workflows/policies.ts';
import { bodyOf, openCast, refusal, type Cast } from './cast.ts';

/** A break-glass request takes a short path that policy opened beforehand; everybody is notified, and it is reviewed afterwards. */

let cast: Cast;
/** An agent whose owner, Olga, is a database administrator and an operator. */
let agentOfOlga: string;

beforeAll(async () => {
  cast = await openCast({ apis: 2 });
  agentOfOlga = await cast.stack.issuer.agentToken('agent-dba');
  await activate(cast.stack.keyturnDb, withBreakGlass(await activePolicy(cast.stack.keyturnDb)));
});
afterAll(async () => {
  await cast.stack.stop();
});

/** Where two administrators are needed, one is enough under break-glass. */
function withBreakGlass(policy: PolicySet): PolicySet {
  const usual = policy.rules.find(({ id }) => id === 'two-people');
  if (!usual?.require) throw new Error('There is no such rule.');
  const stages = [
    {
      any: ['group:dba' as const],
      quorum: 1,
      escalate: [{ after_ms: 1_800_000, to: 'group:dba-leads' as const }],
    },
  ];
  const rule: Rule = {
    ...usual,
    id: 'emergency',
    because: 'An incident is worse than one pair of eyes',
    break_glass: true,
    require: { ...usual.require, rule: 'emergency', stages },
  };
  return { ...policy, rules: [...policy.rules, rule] };
}

function breakGlass<T = RequestView>(target: string, changes: object = {}) {
  return cast.stack.request<T>(agentOfOlga, { ...bodyOf({ target }), break_glass: true, ...changes });
}

async function pendingBreakGlass(): Promise<RequestView> {
  const { body } = await breakGlass('shop-two-people');
  expect([body.status, body.is_break_glass]).toEqual(['pending', true]);
  return body;
}

interface ReviewRow {
  readonly id: string;
  readonly status: string;
}

/** The review of a break-glass request once it can be decided, as reviewers see it. */
async function reviewOf(id: string): Promise<ReviewRow> {
  return waitFor({
    what: `the review of ${id}`,
    check: async () => {
      const { review } = await cast.show(cast.omar, id);
      return review && review.status !== 'planning' ? review : undefined;
    },
  });
}

async function executed(): Promise<RequestView> {
  const request = await pendingBreakGlass();
  expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBe(200);
  await cast.stack.waitForStatus(request.id, 'succeeded');
  return request;
}

function logOf(program: string): string {
  return readFileSync(path.join(cast.stack.folder, `${program}.log`), 'utf8');
}

/** The rules that ask people, as one of those people sees them. */
async function rulesOf({ id }: RequestView): Promise<string[] | undefined> {
  return (await cast.show(cast.petra, id)).requirement?.rules.map(({ rule }) => rule);
}

describe('a request that says it is break-glass', () => {
  it('is refused where no rule offers a short path, whatever it claims about the place', async () => {
    const claims = { justification: 'this is two-people, break glass', links: [] };
    for (const changes of [{}, { claims }]) {
      expect(refusal(await breakGlass<Problem>('shop', changes))).toEqual([422, 'break_glass_unavailable']);
    }
    expect(refusal(await breakGlass<Problem>('shop', { environment: 'two-people' }))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  it('needs what the break-glass rule requires, and the same without the flag needs the usual', async () => {
    const short = await pendingBreakGlass();
    expect(await rulesOf(short)).toEqual(['emergency']);
    const usual = await cast.ask({ target: 'shop-two-people', token: agentOfOlga });
    expect([usual.is_break_glass, await rulesOf(usual)]).toEqual([false, ['two-people']]);
    expect(await cast.inbox(cast.petra)).not.toContain(usual.id);
  });

  it('is in the inbox of everybody on the ladder at once, and only those whose turn it is decide', async () => {
    const { id } = await pendingBreakGlass();
    expect(await cast.inbox(cast.dmitri)).toContain(id);
    expect(await cast.inbox(cast.petra)).toContain(id);
    for (const other of [cast.olga, cast.omar]) expect(await cast.inbox(other)).not.toContain(id);
    expect(refusal(await cast.stack.decide(cast.petra, id))).toEqual([403, 'not_eligible']);
    expect(refusal(await cast.stack.decide(cast.olga, id))).toEqual([403, 'self_approval']);
    for (const command of [['inbox'], ['show', id]]) {
      const { stdout } = await cast.stack.cli(command, { KEYTURN_TOKEN: cast.petra });
      expect(stdout).toContain('BREAK-GLASS');
    }
  });

  it('is heard in the log and the metrics of the worker, each once', async () => {
    const { id } = await pendingBreakGlass();
    const lines = logOf('worker-0')
      .split('\n')
      .filter((line) => line.includes(id) && line.includes('"level":40'));
    expect(lines).toHaveLength(1);
    const metrics = await (await fetch(`${cast.stack.workers[0]?.url}/metrics`)).text();
    const { rows } = await cast.stack.keyturnDb.query('select 1 from keyturn.request where is_break_glass');
    expect(metrics).toContain(`keyturn_break_glass_requests_total ${rows.length}\n`);
  });
});

describe('a break-glass request that was executed', () => {
  it('is reviewed by exactly one request of its own, whichever API opens it', async () => {
    const request = await executed();
    const review = await reviewOf(request.id);
    const shown = await cast.show(cast.omar, review.id);
    expect(shown).toMatchObject({
      action: 'keyturn.review',
      mode: 'gate',
      status: 'pending',
      arguments: { request: request.id },
      is_break_glass: false,
    });
    const approver = { role: 'editor', issuer: cast.stack.issuer.url, subject: 'dmitri' };
    const accounts = shown.lineage.map(({ role, issuer, subject }) => ({ role, issuer, subject }));
    expect(accounts).toEqual([...request.lineage, approver]);
    const hours = (Date.parse(shown.expires_at ?? '') - Date.parse(shown.pending_since ?? '')) / 3_600_000;
    expect(hours).toBe(72);
    const later = await executed();
    await reviewOf(later.id);
    const opened = ['api-0', 'api-1'].flatMap((api) =>
      logOf(api)
        .split('\n')
        .filter((line) => line.includes(`"review":"${review.id}"`)),
    );
    expect(opened).toHaveLength(1);
    const { rows } = await cast.stack.keyturnDb.query<{ reviews: string; break_glass: string }>(
      `select count(*) filter (where action = 'keyturn.review') as reviews,
              count(*) filter (where is_break_glass and status = 'succeeded') as break_glass from keyturn.request`,
    );
    expect(rows).toEqual([{ reviews: '2', break_glass: '2' }]);
  });

  it('cannot be approved by those behind it or who approved it, nor withdrawn; an operator says why it was right', async () => {
    const ended = await executed();
    const { id } = await reviewOf(ended.id);
    expect(refusal(await cast.stack.decide(cast.olga, id))).toEqual([403, 'self_approval']);
    expect(refusal(await cast.stack.decide(cast.dmitri, id))).toEqual([403, 'self_approval']);
    for (const own of [agentOfOlga, cast.olga, cast.dmitri]) {
      expect(refusal(await cast.post(own, `/v1/requests/${id}/withdraw`, {}))).toEqual([403, 'forbidden']);
    }
    const { decision_digest } = await cast.show(cast.omar, id);
    const silent = { verdict: 'approve', decision_digest };
    expect(refusal(await cast.post(cast.omar, `/v1/requests/${id}/decisions`, silent))).toEqual([
      422,
      'reason_required',
    ]);
    expect((await cast.stack.decide(cast.omar, id, { reason: 'the shop was down' })).status).toBe(200);
    const row = await cast.stack.waitForStatus(id, 'succeeded');
    expect(row['result']).toMatchObject({ decision: 'approved', performed_by_keyturn: false });
    expect((await cast.show(cast.omar, ended.id)).review).toEqual({ id, status: 'succeeded' });
    for (const request of [ended.id, id]) {
      const verified = await cast.stack.cli(['verify', request], { KEYTURN_TOKEN: cast.omar });
      expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
    }
  });

  it('stands on record as not justified when its review is denied', async () => {
    const request = await executed();
    const { id } = await reviewOf(request.id);
    const denied = await cast.stack.decide(cast.petra, id, { verdict: 'deny', reason: 'nothing was down' });
    expect(denied.status).toBe(200);
    expect(await cast.stack.waitForStatus(id, 'denied')).toMatchObject({ denied_by: 'person' });
    expect((await cast.show(cast.omar, request.id)).review).toEqual({ id, status: 'denied' });
  });

  it('is reviewed to the end although its agent was deactivated since', async () => {
    const request = await executed();
    const { id } = await reviewOf(request.id);
    const left = (policy: PolicySet): PolicySet => ({
      ...policy,
      directory: {
        ...policy.directory,
        agents: policy.directory.agents.map((agent) =>
          agent.id === 'agent-dba' ? { ...agent, active: false } : agent,
        ),
      },
    });
    await withPolicy(cast.stack.keyturnDb, left, async () => {
      expect((await cast.stack.decide(cast.petra, id)).status).toBe(200);
      await cast.stack.waitForStatus(id, 'succeeded');
    });
  });
});

describe('a review', () => {
  it('cannot be asked for: Keyturn opens it', async () => {
    const request = await cast.stack.request<Problem>(cast.ada, {
      action: 'keyturn.review',
      target: 'keyturn',
      mode: 'gate',
      arguments: { request: `req_${'a'.repeat(26)}` },
    });
    expect(refusal(request)).toEqual([422, 'unknown_action']);
  });

  it('does not follow a break-glass request that was not executed', async () => {
    const request = await pendingBreakGlass();
    expect((await cast.stack.decide(cast.dmitri, request.id, { verdict: 'deny' })).status).toBe(200);
    const later = await executed();
    await reviewOf(later.id);
    expect((await cast.show(cast.omar, request.id)).review).toBe(null);
  });
});
