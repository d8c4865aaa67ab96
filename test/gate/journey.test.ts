import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { KeyturnClient } from '../../sdk/client.ts';
import { guard } from '../../sdk/guard.ts';
import { InSession } from '../api/sign-in/in-session.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { activate, activePolicy } from '../workflows/policies.ts';
import { gatePolicyFolder, release } from './policies.ts';

let stack: Stack;
let sessions: InSession;
let agent: string;
let olga: string;

beforeAll(async () => {
  stack = await startStack({ policies: gatePolicyFolder() });
  sessions = InSession.at(stack);
  agent = await stack.issuer.agentToken('agent-billing');
  olga = await stack.issuer.humanToken('olga');
});
afterAll(async () => {
  await stack.stop();
});

function show(token: string, id: string): Promise<RequestView> {
  return stack.http<RequestView>({ path: `/v1/requests/${id}`, token }).then(({ body }) => body);
}

async function verify(id: string): Promise<void> {
  const result = await stack.cli(['verify', id], { KEYTURN_TOKEN: olga });
  expect(result, result.stdout + result.stderr).toMatchObject({ code: 0 });
  expect(result.stdout).toContain('All checks hold.');
}

describe('a gate request that people decide on', () => {
  it('shows the exact words to reviewers, is approved, and answers until when that holds', async () => {
    const { body } = await stack.request<RequestView>(agent, release('asked'));
    expect(body).toMatchObject({ status: 'pending', mode: 'gate' });
    expect(body.plan).toBeUndefined();
    const { plan } = await show(olga, body.id);
    expect(plan).toMatchObject({
      connector: 'gate',
      effects: [],
      operation: JSON.stringify({ size: 3, version: '1.2.3' }, null, 2),
    });
    expect(plan?.warnings.join()).toContain('neither previews nor performs');
    expect(plan?.summary).not.toContain('1.2.3');
    expect((await stack.decide(olga, body.id)).status).toBe(200);
    await stack.waitForStatus(body.id, 'succeeded');
    const { result } = await show(agent, body.id);
    expect(result).toMatchObject({ decision: 'approved', performed_by_keyturn: false });
    const decided = await stack.keyturnDb.query<{ at: Date }>(
      'select at from keyturn.decision where request = $1',
      [body.id],
    );
    // Twenty minutes is the maximum age of an approval there, counted from the approval.
    const validMs = Date.parse((result as { valid_until: string }).valid_until) - Number(decided.rows[0]?.at);
    expect(validMs).toBe(20 * 60_000);
    await verify(body.id);
  });

  it('is answered for no longer than its start window lasts', async () => {
    const not_after = new Date(Date.now() + 300_000).toISOString();
    const { body } = await stack.request<RequestView>(agent, release('asked', { start: { not_after } }));
    await stack.decide(olga, body.id);
    await stack.waitForStatus(body.id, 'succeeded');
    expect((await show(agent, body.id)).result).toMatchObject({
      decision: 'approved',
      valid_until: not_after,
    });
  });

  it('is denied by a person', async () => {
    const { body } = await stack.request<RequestView>(agent, release('asked'));
    await stack.decide(olga, body.id, { verdict: 'deny' });
    expect(await stack.waitForStatus(body.id, 'denied')).toMatchObject({ denied_by: 'person', result: null });
    await verify(body.id);
  });

  it('expires when nobody answers', async () => {
    const { body } = await stack.request<RequestView>(agent, release('hasty'));
    expect(await stack.waitForStatus(body.id, 'expired')).toMatchObject({ result: null });
    await verify(body.id);
  });

  it('is denied by policy where a rule forbids it, on record', async () => {
    const { body } = await stack.request<RequestView>(agent, release('shut'));
    expect(await stack.waitForStatus(body.id, 'denied')).toMatchObject({ denied_by: 'policy' });
    await verify(body.id);
  });

  it('is not denied early because a forbid reads what is only counted later', async () => {
    const { body } = await stack.request<RequestView>(agent, release('asked'));
    expect(body.status).toBe('pending');
  });
});

/** What ends an answer before its time, and takes itself back. */
const ENDS: readonly (readonly [string, string, (id: string) => Promise<() => Promise<unknown>>])[] = [
  [
    'a kill switch is on',
    'switched_off',
    async () => {
      const scope = { kind: 'agent', value: 'agent-billing' };
      const path = '/v1/switches';
      const { body } = await stack.http<{ id: string }>({
        path,
        token: olga,
        body: { scope, reason: 'stop' },
      });
      return async () => {
        for (const token of [olga, await stack.issuer.humanToken('omar')])
          await sessions.post(token, `${path}/${body.id}/lift`, { reason: 'go on' });
      };
    },
  ],
  [
    'somebody behind it is deactivated',
    'requester_inactive',
    async () => {
      const policy = await activePolicy(stack.keyturnDb);
      const people = policy.directory.people.map((one) => ({
        ...one,
        active: one.active && one.id !== 'ada',
      }));
      await activate(stack.keyturnDb, { ...policy, directory: { ...policy.directory, people } });
      return () => activate(stack.keyturnDb, policy);
    },
  ],
  [
    'its time is over',
    'gate_answer_expired',
    async (id) => {
      await stack.keyturnDb.query(
        `update keyturn.request set result = jsonb_set(result, '{valid_until}', '"2026-01-01T00:00:00.000Z"')
          where id = $1`,
        [id],
      );
      return async () => {};
    },
  ],
];

describe('a repeated key of what people agreed to', () => {
  it.each(ENDS)('is refused once %s, as an answer on the spot is (%s)', async (_what, code, end) => {
    const key = { 'idempotency-key': randomUUID() };
    const ask = () => stack.request<RequestView & { code?: string }>(agent, release('asked'), key);
    const { body } = await ask();
    await stack.decide(olga, body.id);
    await stack.waitForStatus(body.id, 'succeeded');
    expect(await ask()).toMatchObject({
      status: 200,
      body: { id: body.id, result: { decision: 'approved' } },
    });
    const takeBack = await end(body.id);
    try {
      expect((await ask()).body.code).toBe(code);
    } finally {
      await takeBack();
    }
  });
});

describe('a gate request that policy allows', () => {
  it('leaves evidence that checks, and evidence that was changed does not', async () => {
    const { body, status } = await stack.request<RequestView>(agent, release('free'));
    expect(status).toBe(201);
    await verify(body.id);
    await stack.keyturnDb.query('alter table audit.entry disable trigger entry_append_only');
    await stack.keyturnDb.query(
      `update audit.entry set leaf = replace(leaf, '"target":"free"', '"target":"asked"') where request = $1`,
      [body.id],
    );
    const result = await stack.cli(['verify', body.id], { KEYTURN_TOKEN: olga });
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/FAILED +request_signed/);
  });

  it('answers with every worker down, and loses nothing of it when the API is killed', async () => {
    await stack.workers[0]?.kill9();
    const key = { 'idempotency-key': randomUUID() };
    const first = await stack.request<RequestView>(agent, release('free'), key);
    expect(first.status).toBe(201);
    await stack.apis[0]?.kill9();
    await Promise.all([stack.apis[0]?.start(), stack.workers[0]?.start()]);
    const again = await stack.request<RequestView>(agent, release('free'), key);
    expect(again).toMatchObject({ status: 200, body: { id: first.body.id, result: first.body.result } });
  });
});

describe('a workflow under a key that was answered', () => {
  it('is refused when it wants to be received, by any starter', async () => {
    const { body } = await stack.request<RequestView>(agent, release('free'));
    const { rows } = await stack.keyturnDb.query<{ envelope: string }>(
      'select envelope from keyturn.gate_answer where request = $1',
      [body.id],
    );
    const handle = await stack.temporal.workflow.start('privilegedAction', {
      workflowId: body.id,
      taskQueue: stack.taskQueue,
      args: [{ asked: {}, request: rows[0]?.envelope }],
    });
    await expect(handle.result()).rejects.toThrow('Workflow execution failed');
    expect(await show(agent, body.id)).toMatchObject({ status: 'succeeded', version: 1 });
    const stored = await stack.keyturnDb.query('select 1 from keyturn.request where id = $1', [body.id]);
    expect(stored.rowCount).toBe(0);
  });
});

describe('a guarded function', () => {
  const ran: string[] = [];
  function guarded(target: string) {
    const client = new KeyturnClient({ baseUrl: stack.apis[0]?.url ?? '', token: agent });
    return guard(
      {
        client,
        action: (version: string) => ({ action: 'deploy.release', target, arguments: { version, size: 3 } }),
      },
      (version: string) => {
        ran.push(version);
        return `released ${version}`;
      },
    );
  }

  it('runs at once where policy allows it', async () => {
    expect(await guarded('free')('1.0')).toBe('released 1.0');
  });

  it('runs after people agreed, and not before', async () => {
    const call = guarded('asked')('2.0');
    const pending = await pendingRequest('asked', '2.0');
    expect(ran).not.toContain('2.0');
    await stack.decide(olga, pending);
    expect(await call).toBe('released 2.0');
  });

  it('does not run when people or policy say no', async () => {
    const denied = expect(guarded('asked')('3.0')).rejects.toMatchObject({
      name: 'KeyturnRefusal',
      reason: 'denied',
    });
    await stack.decide(olga, await pendingRequest('asked', '3.0'), { verdict: 'deny' });
    await denied;
    await expect(guarded('shut')('3.0')).rejects.toMatchObject({ reason: 'denied' });
    await expect(guarded('hasty')('3.0')).rejects.toMatchObject({ reason: 'expired' });
    expect(ran).not.toContain('3.0');
  });

  /** The pending request for a version, as a reviewer finds it. */
  async function pendingRequest(target: string, version: string): Promise<string> {
    for (;;) {
      const page = await stack.http<{ items: RequestView[] }>({
        path: `/v1/requests?status=pending&target=${target}`,
        token: olga,
      });
      for (const { id } of page.body.items)
        if ((await show(olga, id)).arguments?.['version'] === version) return id;
    }
  }
});

describe('a dry run', () => {
  it('is asked by the command line program, and leaves nothing behind', async () => {
    const before = await counts();
    const args = ['--arguments', '{"version":"1","size":3}', '--mode', 'gate'];
    const env = { KEYTURN_TOKEN: agent };
    const allowed = await stack.cli(['evaluate', 'deploy.release', 'free', ...args], env);
    expect(allowed).toMatchObject({ code: 0 });
    expect(allowed.stdout).toContain('allow: ');
    const review = await stack.cli(['evaluate', 'deploy.release', 'asked', ...args, '--json'], env);
    expect(JSON.parse(review.stdout)).toMatchObject({
      effect: 'review',
      phase: 'planned',
      requirement: { distinct_people: 1 },
    });
    const forbidden = await stack.cli(['evaluate', 'deploy.release', 'shut', ...args], env);
    expect(forbidden).toMatchObject({ code: 1 });
    expect(forbidden.stdout).toContain('Nothing is released here');
    expect(await counts()).toEqual(before);
  });

  async function counts(): Promise<unknown> {
    const { rows } = await stack.keyturnDb.query(
      `select (select count(*) from audit.entry) as entries, (select count(*) from keyturn.request) as requests,
              (select count(*) from keyturn.evaluation) as evaluations, (select count(*) from keyturn.gate_answer) as answers,
              (select count(*) from keyturn.window_reservation) as reservations`,
    );
    return rows[0];
  }
});
