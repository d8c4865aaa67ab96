import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import { provider, writeScim, type Provider } from '../../api/scim/provisioning.ts';
import { Lock } from '../durability/locks.ts';
import { openCast, refusal, stepsOf, type Cast } from './cast.ts';

let cast: Cast;
let policies: string;
let okta: Provider;
let olga: string;
let dmitri: string;
let group: string;

beforeAll(async () => {
  policies = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-provisioning-'));
  fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), policies, { recursive: true });
  leaveGroupToProvider(path.join(policies, 'directory.yaml'));
  cast = await openCast({ policies, provisioning: (issuer) => writeScim('journey', issuer) });
  okta = provider(cast.stack);
  [olga, dmitri] = [await okta.addUser('olga'), await okta.addUser('dmitri')];
  group = await okta.addGroup('dba', [olga]);
});

afterAll(async () => {
  await cast?.stack.stop();
  fs.rmSync(policies, { recursive: true, force: true });
});

/** The administrators are whom the provider says. */
function leaveGroupToProvider(file: string): void {
  const directory = parse(fs.readFileSync(file, 'utf8')) as { groups: { id: string }[] };
  directory.groups = directory.groups.map((one) =>
    one.id === 'dba' ? { id: 'dba', authority: 'scim:okta' } : one,
  );
  fs.writeFileSync(file, stringify(directory));
}

/** An approved request that cannot be claimed until the lock is let go. */
async function approvedAndHeld(): Promise<{ request: RequestView; lock: Lock }> {
  const request = await cast.ask();
  const { keyturn } = cast.stack.databases;
  const lock = await Lock.take(keyturn.admin, 'select 1 from keyturn.policy_active for update');
  expect((await cast.stack.decide(cast.olga, request.id)).status).toBeLessThan(300);
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

describe('what the provider says acts at once', () => {
  it('deactivation after the approval and before the claim voids it, also while no worker runs', async () => {
    const { request, lock } = await approvedAndHeld();
    const [worker] = cast.stack.workers;
    await worker?.kill9();
    const patched = await okta.patch(`Users/${olga}`, [{ op: 'Replace', path: 'active', value: 'False' }]);
    expect(patched.body['active']).toBe(false);
    await lock.release();
    await worker?.start();
    await expectNewReview(request);
    const refused = await cast.stack.decide(cast.olga, request.id);
    expect(refusal(refused)).toEqual([403, 'reviewer_inactive']);
    await okta.patch(`Users/${olga}`, [{ op: 'Replace', path: 'active', value: 'True' }]);
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('removal from the group after the approval and before the claim voids it', async () => {
    const { request, lock } = await approvedAndHeld();
    await okta.patch(`Groups/${group}`, [{ op: 'remove', path: `members[value eq "${olga}"]` }]);
    await lock.release();
    await expectNewReview(request);
    expect(refusal(await cast.stack.decide(cast.olga, request.id))).toEqual([403, 'not_eligible']);
    await okta.patch(`Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: olga }] }]);
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('who joins the group after the request was made decides on the next one, not this one', async () => {
    const request = await cast.ask();
    await okta.patch(`Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: dmitri }] }]);
    expect(refusal(await cast.stack.decide(cast.dmitri, request.id))).toEqual([403, 'not_eligible']);
    const next = await cast.ask();
    const inbox = await cast.inbox(cast.dmitri);
    expect([inbox.includes(request.id), inbox.includes(next.id)]).toEqual([false, true]);
    expect((await cast.stack.decide(cast.dmitri, next.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(next.id, 'succeeded');
  });

  it('who is given the account of a reviewer decides the next request, not this one', async () => {
    const nora = await okta.addUser('nora');
    await okta.patch(`Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: nora }] }]);
    const request = await cast.ask();
    const rename = (path: string) => ({ op: 'replace', path, value: 'stranger' });
    const moved = await okta.patch(`Users/${nora}`, [rename('externalId'), rename('userName')]);
    expect(moved.status).toBe(200);
    const stranger = await cast.stack.issuer.humanToken('stranger');
    expect(refusal(await cast.stack.decide(stranger, request.id))).toEqual([403, 'reviewer_unknown']);
    expect(await cast.inbox(stranger)).not.toContain(request.id);
    const next = await cast.ask();
    expect((await cast.stack.decide(stranger, next.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(next.id, 'succeeded');
  });

  it('its token neither asks nor decides', async () => {
    const request = await cast.ask();
    const token = 'okta-token-0123456789';
    expect((await cast.stack.decide(token, request.id)).status).toBe(401);
    expect((await cast.stack.request(token, {})).status).toBe(401);
  });
});
