import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { SwitchView } from '../../contract/switches.ts';
import type { Reply } from '../stack/http.ts';
import { waitFor } from '../stack/wait.ts';
import { activePolicy, synchronise } from '../workflows/policies.ts';
import { startApi, type TestApi } from './api.ts';
import { InSession } from './sign-in/in-session.ts';

/** What functions of the database refuse because somebody changed meanwhile what their caller had read. */

let api: TestApi;
let sessions: InSession;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(async () => {
  sessions = new InSession(api);
  await api.db.query('update keyturn.kill_switch set lifted_at = now()');
  await synchronise(api.db, (await activePolicy(api.db)).directory);
});
afterAll(async () => {
  await api.stop();
});

const CHANGED = { status: 503, body: { code: 'unavailable', detail: expect.stringMatching(/Try again;/) } };

/**
 * Who calls a function that refuses by a code of Keyturn's own. Any call of the API is answered as changed meanwhile, SCIM
 * calls in the words of SCIM (`test/api/scim-*.test.ts`).
 */
const CALLERS: Readonly<Record<string, 'any call' | 'SCIM' | 'the worker' | 'the function itself'>> = {
  'agree_to_recovery KT001': 'any call',
  'agree_to_recovery KT003': 'any call',
  'agree_to_recovery KT009': 'any call',
  'confirm_kill_switch_lift KT003': 'any call',
  'create_api_key KT001': 'any call',
  'create_api_key KT003': 'any call',
  'create_api_key KT008': 'any call',
  'end_session KT003': 'any call',
  'file_groups KT001': 'the worker',
  'keep_claims KT005': 'any call',
  'link_account KT007': 'any call',
  'link_account KT009': 'any call',
  'link_refusal KT011': 'the function itself',
  'link_refusal KT012': 'the function itself',
  'make_passkey_link KT001': 'any call',
  'make_passkey_link KT010': 'any call',
  'person_of_account KT001': 'any call',
  'preview_file_directory KT004': 'the function itself',
  'refuse_held_account KT011': 'any call',
  'refuse_held_account KT012': 'any call',
  'refuse_hidden_outcome KT002': 'the worker',
  'refuse_other_groups KT001': 'the worker',
  'refuse_shared_accounts KT001': 'any call',
  'refuse_stray_claim KT002': 'the worker',
  'refuse_uncounted KT003': 'the worker',
  'register_passkey KT002': 'any call',
  'register_passkey KT008': 'any call',
  'register_passkey KT009': 'any call',
  'register_passkey KT010': 'any call',
  'require_fresh_session KT007': 'any call',
  'require_operator KT003': 'any call',
  'require_other_operator KT003': 'any call',
  'reserve_window KT003': 'the worker',
  'revoke_api_key KT001': 'any call',
  'revoke_api_key KT003': 'any call',
  'scim_link KT001': 'SCIM',
  'scim_link KT002': 'SCIM',
  'scim_take_group KT001': 'SCIM',
  'see_claims KT001': 'any call',
  'see_claims KT003': 'the function itself',
  'start_session KT001': 'any call',
  'start_session KT006': 'any call',
  'unlink_account KT003': 'any call',
  'write_scim_group KT001': 'SCIM',
  'write_scim_user KT001': 'SCIM',
};

const CODES = [...new Set(Object.keys(CALLERS).map((refusal) => refusal.split(' ')[1] ?? ''))].toSorted();

describe('a refusal by a function of the database', () => {
  it('is known, and so is who calls the function', async () => {
    const { rows } = await api.db.query<{ name: string; code: string }>(
      `select distinct proname as name, found[1] as code
       from pg_proc, regexp_matches(prosrc, 'KT\\d{3}', 'g') as found order by 1, 2`,
    );
    expect(rows.map(({ name, code }) => `${name} ${code}`)).toEqual(Object.keys(CALLERS));
  });

  it.each(CODES)('is a problem that says what to do, and tells nothing of the inside: %s', async (code) => {
    const before = await definitionOf('keyturn.lock_kill_switches');
    await api.db.query(
      `create or replace function keyturn.lock_kill_switches() returns text language plpgsql as
       $$ begin raise exception 'of the inside' using errcode = '${code}'; end $$`,
    );
    try {
      const reply = await throwSwitch('olga');
      expect(reply).toMatchObject(CHANGED);
      expect(JSON.stringify(reply.body)).not.toContain('of the inside');
    } finally {
      await api.db.query(before);
    }
  });
});

it('a call that waits too long for a lock is answered as one to repeat', async () => {
  const before = await definitionOf('keyturn.lock_kill_switches');
  await api.db.query(
    `create or replace function keyturn.lock_kill_switches() returns text language plpgsql as
     $$ begin raise exception 'of the inside' using errcode = '55P03'; end $$`,
  );
  try {
    const { status, body, headers } = await throwSwitch('olga');
    expect([status, body['code'], headers.get('retry-after')]).toEqual([
      503,
      'unavailable',
      expect.any(String),
    ]);
    expect(JSON.stringify(body)).not.toContain('of the inside');
  } finally {
    await api.db.query(before);
  }
});

describe('an operator whose call waited while people changed', () => {
  it('throws nothing once they are no operator any more, and learns why from the next call', async () => {
    const reply = await meanwhile(() => throwSwitch('omar'), without('omar'));
    expect(reply).toMatchObject(CHANGED);
    expect(await throwSwitch('omar')).toMatchObject({ status: 403, body: { code: 'reviewer_inactive' } });
  });

  it('lifts nothing once they are no operator any more, and learns why from the next call', async () => {
    const id = await engage();
    await sessions.signIn(await api.issuer.humanToken('omar'));
    const reply = await meanwhile(() => lift('omar', id), without('omar'));
    expect(reply).toMatchObject(CHANGED);
    const path = `/v1/switches/${id}/lift`;
    const again = { path, token: await api.issuer.humanToken('omar'), body: { reason: 'r' } };
    expect(await api.http(again)).toMatchObject({ status: 403, body: { code: 'reviewer_inactive' } });
  });

  it('lifts nothing that stops an agent of theirs by then, and learns why from the next call', async () => {
    const id = await engage({ kind: 'agent', value: 'agent-billing' });
    await sessions.signIn(await api.issuer.humanToken('omar'));
    const reply = await meanwhile(
      () => lift('omar', id),
      (directory) => ({
        ...directory,
        agents: directory.agents.map((agent) =>
          agent.id === 'agent-billing' ? { ...agent, owner: 'omar' } : agent,
        ),
      }),
    );
    expect(reply).toMatchObject(CHANGED);
    expect(await lift('omar', id)).toMatchObject({ status: 403, body: { code: 'self_approval' } });
  });

  it('is not the second to agree once the first is no operator any more', async () => {
    const id = await engage();
    expect((await lift('petra', id)).status).toBe(202);
    await sessions.signIn(await api.issuer.humanToken('omar'));
    expect(await meanwhile(() => lift('omar', id), without('petra'))).toMatchObject(CHANGED);
    expect(await lift('omar', id)).toMatchObject({ status: 202 });
  });
});

type Directory = TestApi['policy']['directory'];
type Change = (directory: Directory) => Directory;

function without(person: string): Change {
  return (directory) => ({
    ...directory,
    people: directory.people.map((known) => (known.id === person ? { ...known, active: false } : known)),
  });
}

/** Makes a call that has read who its caller is and waits for its turn, and changes the directory before that comes. */
async function meanwhile(call: () => Promise<Reply>, change: Change): Promise<Reply> {
  const { directory } = await activePolicy(api.db);
  await api.db.query('begin');
  await api.db.query('select keyturn.lock_kill_switches()');
  const reply = call();
  try {
    await waitFor({
      what: 'the call to wait',
      check: async () => {
        // Inside of a transaction it would be answered the same again and again.
        await api.db.query('select pg_stat_clear_snapshot()');
        const { rows } = await api.db.query<object>(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and query like '%lock_kill_switches%'`,
        );
        return rows[0];
      },
    });
    await synchronise(api.db, change(directory));
  } finally {
    await api.db.query('commit');
  }
  return reply;
}

async function definitionOf(name: string): Promise<string> {
  const { rows } = await api.db.query<{ text: string }>('select pg_get_functiondef($1::regproc) as text', [
    name,
  ]);
  return rows[0]?.text ?? expect.unreachable();
}

async function throwSwitch(
  person: string,
  scope: object = { kind: 'target', value: 'shop' },
): Promise<Reply> {
  const token = await api.issuer.humanToken(person);
  return api.http({ path: '/v1/switches', token, body: { scope, reason: 'r' } });
}

async function engage(scope?: object): Promise<string> {
  const { status, body } = await throwSwitch('olga', scope);
  expect(status).toBe(201);
  return (body as unknown as SwitchView).id;
}

async function lift(person: string, id: string): Promise<Reply> {
  const token = await api.issuer.humanToken(person);
  return sessions.post(token, `/v1/switches/${id}/lift`, { reason: 'r' });
}
