import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Proposal } from '../../../contract/policies.ts';
import { sourcesOf } from '../../policy-files/decompile.ts';
import type { VerificationReport } from '../../../domain/audit/verification/verify.ts';
import { waitFor } from '../../stack/wait.ts';
import { activePolicy } from '../../workflows/policies.ts';
import { Desk } from '../../workflows/signed.ts';
import { openCast, type Cast } from './cast.ts';

/** What somebody with the database changes beside the log: `keyturn verify` names it. */

let cast: Cast;
beforeAll(async () => {
  cast = await openCast();
});
afterAll(async () => cast.stack.stop());

/** What does not hold: the name of each check with its outcome. */
async function notHeld(...what: readonly string[]): Promise<Record<string, string>> {
  const { stdout } = await cast.stack.cli(['verify', ...what, '--json'], { KEYTURN_TOKEN: cast.olga });
  const { checks } = JSON.parse(stdout) as VerificationReport;
  return Object.fromEntries(
    checks.filter(({ ok }) => !ok).map(({ name, outcome, detail }) => [name, `${outcome}: ${detail}`]),
  );
}

async function executed(target = 'shop'): Promise<string> {
  const request = await cast.ask({ target });
  expect((await cast.stack.decide(cast.olga, request.id)).status).toBe(200);
  await cast.stack.waitForStatus(request.id, 'succeeded');
  return request.id;
}

describe('a request that was executed', () => {
  let id: string;
  beforeAll(async () => {
    id = await executed();
  });

  it('holds in all checks, and tells which entries nobody signed', async () => {
    expect(await notHeld(id)).toEqual({});
  });

  it.each([
    ['request', 'result', '{"rows": 99}'],
    ['request', 'failure', '{"code": "constraint", "detail": ""}'],
    ['request', 'summary', 'reads only'],
    ['request', 'risk', 'critical'],
    ['request', 'environment', 'sandbox'],
    ['request', 'expires_at', '2099-01-01T00:00:00Z'],
    ['request', 'open_selectors', '{group:dba}'],
    ['decision', 'verdict', 'deny'],
    ['decision', 'person', 'dmitri'],
    ['decision', 'outcome', 'refused'],
    ['decision', 'grade', 'A'],
    ['decision', 'channel', 'temporal'],
  ])('does not with another value in the row of the %s: %s', async (table, column, value) => {
    const [key, check] =
      table === 'request' ? ['id', 'shown_as_recorded'] : ['request', 'decision_rows_match'];
    const { keyturnDb } = cast.stack;
    const { rows } = await keyturnDb.query<{ old: string | null }>(
      `select ${column}::text as old from keyturn.${table} where ${key} = $1`,
      [id],
    );
    const set = `update keyturn.${table} set ${column} = $2 where ${key} = $1`;
    await keyturnDb.query(set, [id, value]);
    const found = await notHeld(id);
    await keyturnDb.query(set, [id, rows[0]?.old ?? null]);
    expect(found).toMatchObject({ [check]: expect.stringMatching(/^failed: /) });
  });
});

describe('a denial that the API kept for the workers', () => {
  it('is named when it was marked consumed by hand, and then the action ran', async () => {
    const request = await cast.ask();
    const desk = await Desk.open(cast.stack);
    const denial = await desk.decision(request.id, 'dmitri', { verdict: 'deny' });
    await cast.stack.keyturnDb.query(
      `insert into keyturn.kept_message (id, request, kind, envelope, consumed_at) values ($1, $2, 'decide', $3, now())`,
      [`dec_${'k'.repeat(26)}`, request.id, denial],
    );
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect(await notHeld(request.id)).toEqual({ kept_messages_recorded: expect.stringMatching(/^failed: /) });
  });
});

describe('the stream of policies', () => {
  it('follows each activation to the request that people approved', async () => {
    const policy = await activePolicy(cast.stack.keyturnDb);
    const [first, ...others] = policy.rules;
    if (!first) expect.unreachable();
    const changed = { ...policy, rules: [{ ...first, because: 'In other words' }, ...others] };
    const proposed = await cast.post<Proposal>(cast.ada, '/v1/policies', sourcesOf(changed));
    const args = { candidate: proposed.body.digest, base: proposed.body.active };
    const body = { action: 'keyturn.policy.publish', target: 'keyturn', arguments: args };
    const request = await cast.stack.request<{ id: string }>(cast.ada, body);
    const { id } = request.body;
    await cast.stack.waitForStatus(id, 'pending', 120_000);
    for (const token of [cast.olga, cast.omar]) await cast.stack.decide(token, id);
    await cast.stack.waitForStatus(id, 'succeeded');
    expect(await notHeld('--stream', 'policy')).toEqual({});
    await cast.stack.keyturnDb.query(`update keyturn.decision set verdict = 'deny' where request = $1`, [id]);
    expect(await notHeld('--stream', 'policy')).toEqual({
      publications_approved: expect.stringMatching(/^failed: .*does not verify/),
    });
  });
});

describe('a kill switch that was narrowed by hand', () => {
  it('is named by the request that ran under it', async () => {
    const scope = { kind: 'target', value: 'shop' };
    const engaged = await cast.post(cast.olga, '/v1/switches', { scope, reason: 'odd rows' });
    expect(engaged.status).toBe(201);
    // Programs whose clocks are seconds apart neither engage nor claim: what is closer together is not told apart.
    await waitFor({
      what: 'the switch to be engaged for longer than clocks may differ',
      check: async () => {
        const { rows } = await cast.stack.keyturnDb.query(
          `select 1 from keyturn.kill_switch where thrown_at < clock_timestamp() - interval '6 seconds'`,
        );
        return rows.length > 0 ? true : undefined;
      },
    });
    await cast.stack.keyturnDb.query(`update keyturn.kill_switch set scope_value = 'nowhere'`);
    const id = await executed();
    expect(await notHeld(id)).toEqual({ switches_obeyed: expect.stringMatching(/^failed: /) });
  });
});
