import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import { waitFor } from '../../stack/wait.ts';
import { Lock } from '../durability/locks.ts';
import { openCast, refusal, stepsOf, type Cast } from './cast.ts';

const CLAIM = 'SQL admins';
const MAXIMUM_AGE_SECONDS = 600;

let cast: Cast;
let policies: string;
let iat = Math.floor(Date.now() / 1_000) - 60;

beforeAll(async () => {
  policies = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-claims-'));
  fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), policies, { recursive: true });
  leaveGroupToClaims(path.join(policies, 'directory.yaml'));
  cast = await openCast({ policies, apis: 2 });
});

afterAll(async () => {
  await cast?.stack.stop();
  fs.rmSync(policies, { recursive: true, force: true });
});

/** The administrators are whom the issuer says, and there is nobody else to escalate to. */
function leaveGroupToClaims(file: string): void {
  const directory = parse(fs.readFileSync(file, 'utf8')) as { groups: { id: string }[] };
  const seen = { id: 'dba', authority: 'claims:demo', claim: CLAIM, maximum_age: `${MAXIMUM_AGE_SECONDS}s` };
  const leads = { id: 'dba-leads', members: [] };
  directory.groups = directory.groups.map((one) => [seen, leads].find(({ id }) => id === one.id) ?? one);
  fs.writeFileSync(file, stringify(directory));
}

/** A token of the next second, as after signing in. */
async function token(subject: string, groups: readonly string[]): Promise<string> {
  iat += 1;
  return cast.stack.issuer.humanToken(subject, { iat, groups: [...groups] });
}

/** The first call with a token is what the product knows a sign-in by. */
async function signIn(subject: string, groups: readonly string[] = [CLAIM], api = 0): Promise<string> {
  const bearer = await token(subject, groups);
  expect((await cast.stack.http({ path: '/v1/actions', token: bearer }, api)).status).toBe(200);
  return bearer;
}

/** An approved request that cannot be claimed until the lock is let go. */
async function approvedAndHeld(bearer: string): Promise<{ request: RequestView; lock: Lock }> {
  const request = await cast.ask();
  const { keyturn } = cast.stack.databases;
  const lock = await Lock.take(keyturn.admin, 'select 1 from keyturn.policy_active for update');
  expect((await cast.stack.decide(bearer, request.id)).status).toBeLessThan(300);
  await cast.stack.waitForStatus(request.id, 'approved');
  await lock.isWaitedFor(cast.stack);
  return { request, lock };
}

async function expectNewReview(request: RequestView): Promise<void> {
  await cast.stack.waitForStatus(request.id, 'pending');
  const { keyturnDb } = cast.stack;
  const { rows } = await keyturnDb.query('select 1 from keyturn.execution where request = $1', [request.id]);
  expect(rows).toEqual([]);
  expect(await stepsOf(cast.stack, request.id)).not.toContain('execution.claimed');
}

describe('whom the issuer says to be in a group', () => {
  it('decides what was asked after her first sign-in with it, and nothing that was asked before', async () => {
    const before = await cast.ask();
    expect((await cast.show(cast.omar, before.id)).shortage).toEqual([
      { rule: expect.any(String) as string, seats: 1, fillable: 0, unknown: [expect.any(String) as string] },
    ]);
    const olga = await signIn('olga');
    expect(refusal(await cast.stack.decide(olga, before.id))).toEqual([403, 'not_eligible']);
    const after = await cast.ask();
    expect((await cast.show(cast.omar, after.id)).shortage).toBeNull();
    const inbox = await cast.inbox(olga);
    expect([inbox.includes(before.id), inbox.includes(after.id)]).toEqual([false, true]);
    expect((await cast.stack.decide(olga, after.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(after.id, 'succeeded');
  });

  it('is in it no more once a token without it was seen, by any API: what she approved before is void', async () => {
    const olga = await signIn('olga');
    const { request, lock } = await approvedAndHeld(olga);
    await signIn('olga', [], 1);
    await lock.release();
    await expectNewReview(request);
    // The earlier token has not ended, and does not bring her back.
    expect(refusal(await cast.stack.decide(olga, request.id))).toEqual([403, 'not_eligible']);
    const again = await signIn('olga');
    expect((await cast.stack.decide(again, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('is in it for as long as policy trusts a token: what she approved is void from then on', async () => {
    const lapsesAt = Math.floor(Date.now() / 1_000) + 8;
    iat = Math.max(iat, lapsesAt);
    const old = { iat: lapsesAt - MAXIMUM_AGE_SECONDS, groups: [CLAIM] };
    const dmitri = await cast.stack.issuer.humanToken('dmitri', old);
    expect((await cast.stack.http({ path: '/v1/actions', token: dmitri })).status).toBe(200);
    const { request, lock } = await approvedAndHeld(dmitri);
    await waitFor({
      what: 'the token to be too old',
      check: async () => {
        const { rows } = await cast.stack.keyturnDb.query<{ is_over: boolean }>(
          'select clock_timestamp() > to_timestamp($1) as is_over',
          [lapsesAt],
        );
        return rows[0]?.is_over === true ? true : undefined;
      },
    });
    await lock.release();
    await expectNewReview(request);
    expect(refusal(await cast.stack.decide(dmitri, request.id))).toEqual([403, 'not_eligible']);
  });
});
