import { randomUUID } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ApprovedCall, ConnectorCall } from '../../activities/connectors/connector.ts';
import type { SwitchView } from '../../contract/switches.ts';
import type { Timeline } from '../../contract/history.ts';
import { InSession } from '../api/sign-in/in-session.ts';
import type { Reply } from '../stack/http.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf, leavesOf, waitForVerdicts } from './facts.ts';
import { withHeldClaims } from './held-claims.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { ScriptedTarget } from './scripted-target.ts';
import { Desk, type Ask } from './signed.ts';

/** A target during whose work something else happens, once. */
class Interrupted extends ScriptedTarget {
  whilePlanning: () => Promise<unknown> = async () => {};
  beforeEffect: () => Promise<unknown> = async () => {};
  afterEffect: () => Promise<unknown> = async () => {};

  override async plan(call: ConnectorCall): ReturnType<ScriptedTarget['plan']> {
    await this.once('whilePlanning');
    return super.plan(call);
  }

  override async execute(call: ApprovedCall): ReturnType<ScriptedTarget['execute']> {
    await this.once('beforeEffect');
    const outcome = await super.execute(call);
    await this.once('afterEffect');
    return outcome;
  }

  private async once(moment: 'whilePlanning' | 'beforeEffect' | 'afterEffect'): Promise<void> {
    const work = this[moment];
    this[moment] = async () => {};
    await work();
  }
}

let stack: Stack;
let sessions: InSession;
let desk: Desk;
let worker: LocalWorker;
const target = new Interrupted();

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  sessions = InSession.at(stack);
  worker = await startLocalWorker(stack, { target });
  desk = await Desk.open(stack);
});

afterEach(async () => {
  const { rows } = await stack.keyturnDb.query<{ id: string }>(
    'select id from keyturn.kill_switch where lifted_at is null',
  );
  // On record, or the log of switches says that they still stop what later tests do.
  for (const { id } of rows) for (const name of ['petra', 'omar']) await lift(id, name);
  await stack.keyturnDb.query('update keyturn.kill_switch set lifted_at = now() where lifted_at is null');
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

const ALL = { kind: 'all' } as const;
const SHOP = { kind: 'target', value: 'shop' } as const;

async function throwSwitch(scope: object = SHOP): Promise<SwitchView> {
  const token = await stack.issuer.humanToken('petra');
  const body = { scope, reason: 'something is wrong' };
  const reply = await stack.http<SwitchView>({ path: '/v1/switches', token, body });
  expect(reply.status).toBe(201);
  return reply.body;
}

async function lift(id: string, name: string): Promise<Reply> {
  const token = await stack.issuer.humanToken(name);
  return sessions.post(token, `/v1/switches/${id}/lift`, { reason: 'mended' });
}

/** What is done while no worker is there. */
async function withoutWorker<T>(work: () => Promise<T>): Promise<T> {
  await worker.stop();
  const done = await work();
  worker = await startLocalWorker(stack, { target });
  return done;
}

/** The request ended by the switch, without effect, and its log passes every check. */
async function expectStopped(id: string, engaged: SwitchView, status = 'denied'): Promise<void> {
  await expectEnded(id, engaged, status);
  await expectVerifiable(id);
}

async function expectEnded(id: string, engaged: SwitchView, status = 'denied'): Promise<void> {
  const row = await stack.waitForStatus(id, ['denied', 'failed', 'succeeded']);
  expect(row).toMatchObject({ status, failure: { code: 'switched_off' } });
  const last = (await leavesOf(stack, id)).at(-1);
  expect(last?.facts).toMatchObject({ code: 'switched_off', switch: engaged.id, scope: engaged.scope.kind });
  expect(target.effects).not.toContain(id);
  if (status !== 'denied') return;
  const token = await stack.issuer.agentToken('agent-billing');
  const { body } = await stack.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
  expect(body.items.at(-1)?.text).toBe('A kill switch stopped it: it was denied.');
}

async function expectVerifiable(id: string): Promise<void> {
  const token = await stack.issuer.humanToken('olga');
  const { code, stdout } = await stack.cli(['verify', id], { KEYTURN_TOKEN: token });
  expect([code, stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
}

describe('what a kill switch stops', () => {
  it('and was asked for before, is not even planned', async () => {
    const [id, engaged] = await withoutWorker(async () => {
      const token = await stack.issuer.agentToken('agent-billing');
      const body = { action: 'postgres.execute', target: 'shop', arguments: { statement: 'fine' } };
      const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=0' };
      const created = await stack.request<{ id: string }>(token, body, headers);
      expect(created.status).toBe(202);
      return [created.body.id, await throwSwitch()] as const;
    });
    await expectStopped(id, engaged);
    expect(target.planned).not.toContain(id);
    expect(await courseOf(stack, id)).toEqual(['request.received', 'request.denied']);
  });

  it('while it is being planned, asks nobody', async () => {
    const request = await desk.signRequest();
    let engaged: SwitchView | undefined;
    target.whilePlanning = async () => {
      engaged = await throwSwitch();
    };
    await desk.start(request);
    await stack.waitForStatus(request.id, 'denied');
    if (!engaged) throw new Error('nothing was planned');
    await expectStopped(request.id, engaged);
    expect(await courseOf(stack, request.id)).toEqual([
      'request.received',
      'request.planned',
      'request.denied',
    ]);
  });

  it('and was approved before, is not executed', async () => {
    const id = await desk.ask();
    const engaged = await withoutWorker(async () => {
      expect((await stack.decide(await stack.issuer.humanToken('olga'), id)).status).toBe(202);
      return throwSwitch(ALL);
    });
    await expectStopped(id, engaged);
    expect(await courseOf(stack, id)).toContain('request.approved');
    expect(await executionsOf(stack, id)).toEqual([]);
  });

  it.each<[string, () => object, () => Ask]>([
    ['an agent', () => ({ kind: 'agent', value: 'agent-billing' }), () => ({})],
    [
      'an agent further behind',
      () => ({ kind: 'agent', value: 'agent-assistant' }),
      () => ({ lineage: [desk.member('trigger', 'agent-assistant')] }),
    ],
    [
      'whom the agent acts for',
      () => ({ kind: 'agent', value: `${stack.issuer.url} omar` }),
      () => ({ lineage: [desk.member('on_behalf_of', 'omar')] }),
    ],
    ['an action', () => ({ kind: 'action', value: 'postgres.execute' }), () => ({})],
  ])('by %s, is not executed', async (_what, scope, ask) => {
    const id = await desk.ask(ask());
    let engaged: SwitchView | undefined;
    await withHeldClaims(
      stack,
      async () => {
        await desk.decide(id, 'olga');
        await stack.waitForStatus(id, 'approved');
        engaged = await throwSwitch(scope());
      },
      async () => {
        if (engaged) await expectStopped(id, engaged);
      },
    );
    expect(await executionsOf(stack, id)).toEqual([]);
  });

  it('is executed when it is something else', async () => {
    const id = await desk.ask();
    await throwSwitch({ kind: 'agent', value: 'agent-dba' });
    await throwSwitch({ kind: 'target', value: 'shop-strict' });
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
  });
});

describe('a pending request under a switch', () => {
  it('cannot be approved, also by a signature, and can again once two people lifted the switch', async () => {
    const id = await desk.ask();
    const engaged = await throwSwitch();
    const olga = await stack.issuer.humanToken('olga');
    expect(await stack.decide(olga, id)).toMatchObject({ status: 403, body: { code: 'switched_off' } });
    await desk.decide(id, 'olga');
    await desk.decide(id, 'dmitri', { ticketUntil: new Date(Date.now() + 60_000) });
    expect(await waitForVerdicts(stack, id, 2)).toEqual(['olga: switched_off', 'dmitri: switched_off']);
    expect(await desk.row(id)).toMatchObject({ status: 'pending' });

    expect((await lift(engaged.id, 'petra')).status).toBe(202);
    expect((await stack.decide(olga, id)).body).toMatchObject({ code: 'switched_off' });
    expect((await lift(engaged.id, 'omar')).status).toBe(200);
    expect((await stack.decide(olga, id)).status).toBe(200);
    await stack.waitForStatus(id, 'succeeded');
    await expectVerifiable(id);
  });

  it('can be denied', async () => {
    const id = await desk.ask();
    await throwSwitch();
    const reply = await stack.decide(await stack.issuer.humanToken('olga'), id, { verdict: 'deny' });
    expect(reply.status).toBe(200);
    expect(await stack.waitForStatus(id, 'denied')).toMatchObject({ denied_by: 'person' });
  });

  it('can be withdrawn', async () => {
    const id = await desk.ask();
    await throwSwitch();
    const token = await stack.issuer.agentToken('agent-billing');
    const reply = await stack.http({ path: `/v1/requests/${id}/withdraw`, token, body: {} });
    expect(reply.status).toBe(200);
    await stack.waitForStatus(id, 'cancelled');
  });
});

describe('a switch and a claim at the same moment', () => {
  let other: Client;
  beforeAll(async () => {
    other = new Client({ connectionString: stack.databases.keyturn.admin });
    await other.connect();
  });
  afterEach(async () => {
    await other.query('rollback');
  });
  afterAll(async () => {
    await other.end();
  });

  /** A session of this role waits for a lock with a statement of this kind. */
  async function waitForLock(role: string, statement: string): Promise<void> {
    await waitFor({
      what: `${role} to wait for a lock`,
      check: async () => {
        const { rows } = await stack.keyturnDb.query(
          `select 1 from pg_stat_activity where datname = current_database() and usename = $1
             and wait_event_type = 'Lock' and query like $2`,
          [role, `%${statement}%`],
        );
        return rows[0] as object | undefined;
      },
    });
  }

  it('the claim waits for a switch that is being engaged, and is refused', async () => {
    const id = await desk.ask();
    await other.query('begin');
    await other.query('update keyturn.kill_switch_state set generation = generation + 1');
    await desk.decide(id, 'olga');
    await waitForLock('keyturn_worker', 'lock_restrictions');
    const switchId = `swi_${'a'.repeat(26)}`;
    await other.query(
      `insert into keyturn.kill_switch (id, scope_kind, scope_value, reason, thrown_by, thrown_at)
       values ($1, 'target', 'shop', 'r', 'petra', now())`,
      [switchId],
    );
    await other.query('commit');
    const scope = { kind: 'target', value: 'shop' } as const;
    await expectEnded(id, { id: switchId, scope, since: '' });
    // This switch has no entry: then nothing shows that it was engaged.
    const token = await stack.issuer.humanToken('olga');
    const { code, stdout } = await stack.cli(['verify', id], { KEYTURN_TOKEN: token });
    expect([code, stdout]).toEqual([3, expect.stringContaining('policy_refusals_shown')]);
    expect(await executionsOf(stack, id)).toEqual([]);
  });

  it('the switch waits for a claim that is being made: it was before, and all later ones are refused', async () => {
    const [id, later] = [await desk.ask(), await desk.ask()];
    await other.query('begin');
    await other.query('lock table keyturn.execution in exclusive mode');
    await desk.decide(id, 'olga');
    await waitForLock('keyturn_worker', 'insert into keyturn.execution');
    const engaged = throwSwitch();
    await waitForLock('keyturn_api', 'lock_kill_switches');
    const { rows } = await stack.keyturnDb.query('select 1 from keyturn.kill_switch where lifted_at is null');
    expect(rows).toEqual([]);
    await other.query('commit');
    await stack.waitForStatus(id, 'succeeded');
    const { since } = await engaged;
    const [execution] = await executionsOf(stack, id);
    expect(execution?.claimed_at.getTime()).toBeLessThanOrEqual(Date.parse(since));
    const before = new Date(Date.parse(since) - 1).toISOString();
    await desk.decide(later, 'dmitri', { issued_at: before });
    await expectStopped(later, await engaged);
  });
});

describe('a claim that was open when the switch was engaged', () => {
  it('and was not carried out, is never carried out any more', async () => {
    const id = await desk.ask();
    let engaged: SwitchView | undefined;
    target.beforeEffect = async () => {
      engaged = await throwSwitch();
      throw new Error('the connection is gone');
    };
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'failed');
    if (!engaged) throw new Error('nothing was claimed');
    await expectStopped(id, engaged, 'failed');
    expect(await executionsOf(stack, id)).toMatchObject([{ state: 'not_done' }]);
  });

  it('and was carried out, is recorded as what it is', async () => {
    const id = await desk.ask();
    target.afterEffect = async () => {
      await throwSwitch();
      throw new Error('the answer is lost');
    };
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    expect(target.effects.filter((effect) => effect === id)).toHaveLength(1);
    await expectVerifiable(id);
  });
});
