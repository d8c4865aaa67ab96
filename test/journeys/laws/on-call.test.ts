import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { PAGER_TOKEN, startPager, type TestPager } from '../../stack/pager.ts';
import type { Program } from '../../stack/program.ts';
import { waitFor } from '../../stack/wait.ts';
import { Lock } from '../durability/locks.ts';
import { decisionsOf, openCast, refusal, stepsOf, waitForStep, type Cast } from './cast.ts';

const SCHEDULE = 'PI7DH85';
const ROTATION = ['P-ADA', 'P-OLGA', 'P-DMITRI'];

let cast: Cast;
let pager: TestPager;
let folder: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-on-call-'));
  fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), folder, { recursive: true });
  edit('directory.yaml', /accounts: \[\{ issuer: demo, subject: (ada|dmitri|omar) \}/g, (text, name) =>
    // Omar has an account there, too, under a name that nobody linked.
    name === 'omar' ? text : `${text}, { issuer: pager, subject: P-${name.toUpperCase()} }`,
  );
  edit('directory.yaml', /subject: olga \},/, (text) => `${text} { issuer: pager, subject: P-OLGA },`);
  edit('directory.yaml', /issuers:\n/, (text) => `${text}  pager: https://shop.pagerduty.example\n`);
  edit('keyturn.yaml', /$/, () => `selectors:\n  oncall:\n    sre: ${ROTATION_OF_SERVICE}\n`);
  edit('rules/by-environment.yaml', /any: \[group:dba\], quorum: 1, escalate: .*$/m, () => STAGE);
  pager = await startPager();
  onCall('P-OLGA');
  const file = `${folder}.yaml`;
  const source = {
    name: 'pager',
    kind: 'pagerduty',
    issuer: 'https://shop.pagerduty.example',
    url: pager.url,
  };
  fs.writeFileSync(file, stringify({ every_seconds: 1, sources: [{ ...source, token: 'env:PAGER_TOKEN' }] }));
  const env = { KEYTURN_ONCALL: file, PAGER_TOKEN };
  cast = await openCast({ policies: folder, workers: 2, env });
  await heard('P-OLGA');
});

afterAll(async () => {
  await cast?.stack.stop();
  await pager?.stop();
  for (const made of [folder, `${folder}.yaml`]) fs.rmSync(made, { recursive: true, force: true });
});

beforeEach(async () => {
  pager.answerWith(null);
  onCall('P-OLGA');
  await heard('P-OLGA');
});

const ROTATION_OF_SERVICE = `{ source: pager, schedule: ${SCHEDULE}, maximum_staleness: 10m }`;
const STAGE = 'any: [oncall:sre], quorum: 1, escalate: [{ after: 1s, to: group:dba-leads }] }';

function edit(file: string, pattern: RegExp, change: (text: string, group: string) => string): void {
  const location = path.join(folder, file);
  const text = fs.readFileSync(location, 'utf8');
  const changed = text.replace(pattern, change);
  if (changed === text) throw new Error(`${file} has nothing like ${String(pattern)}.`);
  fs.writeFileSync(location, changed);
}

function onCall(id: string, layers: readonly string[] = ROTATION): void {
  pager.set(SCHEDULE, { layers, onCall: [id] });
}

/** Waits until this is who is on call, and how many are in the rotation. */
async function heard(id: string, members = ROTATION.length): Promise<void> {
  const sql = `select count(*) filter (where is_on_duty and subject = $1)::int as on_call,
      count(*) filter (where not is_on_duty)::int as members
    from keyturn.duty_person where valid_to is null`;
  await waitFor({
    what: `${id} to be on call`,
    check: async () => {
      const { rows } = await cast.stack.keyturnDb.query<{ on_call: number; members: number }>(sql, [id]);
      return rows[0]?.on_call === 1 && rows[0].members === members ? true : undefined;
    },
  });
}

/** Lets the service be away, and have been last heard an hour ago. */
async function awayForAnHour(): Promise<void> {
  pager.answerWith((_call, response) => response.writeHead(503).end());
  const seen = pager.calls.length;
  await waitFor({
    what: 'the failure to be seen',
    check: () => Promise.resolve(pager.calls.length > seen + 3 ? true : undefined),
  });
  const { keyturnDb } = cast.stack;
  await keyturnDb.query('delete from keyturn.duty_heard');
  await keyturnDb.query(
    `insert into keyturn.duty_heard select id, now() - interval '3 hours', now() - interval '1 hour'
     from keyturn.duty_rotation`,
  );
}

/** Answers how to undo it: what is signed says when the request was made, and execution holds one against the other. */
async function madeEarlier(request: RequestView): Promise<() => Promise<void>> {
  const { keyturnDb } = cast.stack;
  for (const table of ['person_standing', 'account', 'directory_group', 'membership', 'duty_person'])
    await keyturnDb.query(`update keyturn.${table} set valid_from = '2020-01-01' where valid_to is null`);
  await keyturnDb.query(`update keyturn.directory_change set at = '2020-01-01'`);
  const move = (by: string): Promise<unknown> =>
    keyturnDb.query(`update keyturn.request set created_at = created_at + $2::interval where id = $1`, [
      request.id,
      by,
    ]);
  await move('-90 minutes');
  return async () => {
    await move('90 minutes');
  };
}

async function signal(request: RequestView, ticket: string): Promise<void> {
  await cast.stack.temporal.workflow.getHandle(request.id).signal('decide', ticket);
}

async function metricsOf(worker: Program): Promise<string> {
  return worker.isRunning() ? (await fetch(`${worker.url}/metrics`)).text() : '';
}

/** The workers that say when they heard the service. */
async function pollers(): Promise<Program[]> {
  const texts = await Promise.all(cast.stack.workers.map(metricsOf));
  return cast.stack.workers.filter((_, index) =>
    texts[index]?.includes('keyturn_oncall_heard_timestamp_seconds{rotation="sre"}'),
  );
}

describe('a request that the person on call decides', () => {
  it('is decided by whom the service says is on call, and by nobody else of the rotation', async () => {
    const request = await cast.ask();
    expect((await cast.show(cast.olga, request.id)).shortage).toBeNull();
    expect(await cast.inbox(cast.olga)).toContain(request.id);
    expect(await cast.inbox(cast.dmitri)).not.toContain(request.id);
    expect(refusal(await cast.stack.decide(cast.dmitri, request.id))).toEqual([403, 'not_eligible']);
    expect(refusal(await cast.stack.decide(cast.omar, request.id))).toEqual([403, 'not_eligible']);
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('passes to the next at the service’s hand-over; its requester on call still decides nothing', async () => {
    const request = await cast.ask();
    onCall('P-ADA');
    await heard('P-ADA');
    expect(refusal(await cast.stack.decide(cast.ada, request.id))).toEqual([403, 'self_approval']);
    expect(refusal(await cast.stack.decide(cast.olga, request.id))).toEqual([403, 'not_eligible']);
    onCall('P-DMITRI');
    await heard('P-DMITRI');
    expect(await cast.inbox(cast.dmitri)).toContain(request.id);
    expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('is not for whom the service adds afterwards, nor for an id that is nobody’s account', async () => {
    onCall('P-OLGA', ['P-OLGA']);
    await heard('P-OLGA', 1);
    const request = await cast.ask();
    onCall('P-DMITRI', ['P-OLGA', 'P-DMITRI', 'P-OMAR']);
    await heard('P-DMITRI', 3);
    expect(refusal(await cast.stack.decide(cast.dmitri, request.id))).toEqual([403, 'not_eligible']);
    const next = await cast.ask();
    onCall('P-OMAR', ['P-OLGA', 'P-DMITRI', 'P-OMAR']);
    await heard('P-OMAR');
    expect(refusal(await cast.stack.decide(cast.omar, next.id))).toEqual([403, 'not_eligible']);
  });
});

describe('between approval and execution', () => {
  async function approvedAndHeld(): Promise<{ request: RequestView; lock: Lock }> {
    const request = await cast.ask();
    const { keyturn } = cast.stack.databases;
    const lock = await Lock.take(keyturn.admin, 'select 1 from keyturn.policy_active for update');
    expect((await cast.stack.decide(cast.olga, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'approved');
    await lock.isWaitedFor(cast.stack);
    return { request, lock };
  }

  it('going off call voids nothing', async () => {
    const { request, lock } = await approvedAndHeld();
    onCall('P-DMITRI');
    await heard('P-DMITRI');
    await lock.release();
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('leaving the rotation voids the approval: nothing is executed', async () => {
    const { request, lock } = await approvedAndHeld();
    onCall('P-DMITRI', ['P-DMITRI', 'P-ADA']);
    await heard('P-DMITRI', 2);
    await lock.release();
    await cast.stack.waitForStatus(request.id, 'pending');
    const { keyturnDb } = cast.stack;
    const { rows } = await keyturnDb.query('select 1 from keyturn.execution where request = $1', [
      request.id,
    ]);
    expect(rows).toEqual([]);
    expect(await stepsOf(cast.stack, request.id)).not.toContain('execution.claimed');
    expect(refusal(await cast.stack.decide(cast.olga, request.id))).toEqual([403, 'not_eligible']);
    expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });
});

describe('while the service is away for longer than policy believes it', () => {
  it('nobody decides as being on call, no matter who was on call last; silence approves nothing, escalation goes on', async () => {
    const request = await cast.ask();
    const ticket = (await cast.ticket(cast.olga, request)).body.ticket;
    await awayForAnHour();
    const undo = await madeEarlier(request);
    const refused = await cast.stack.decide<Problem>(cast.olga, request.id);
    expect(refusal(refused)).toEqual([409, 'on_call_unknown']);
    expect(refused.body.detail).toMatch(
      /not known who is on call by oncall:sre: its service last answered at 20/,
    );
    expect(await cast.inbox(cast.olga)).not.toContain(request.id);
    // An earlier ticket is checked when it is used, by the worker, which sees the same.
    await signal(request, ticket);
    await waitForStep(cast.stack, request.id, 'decision.refused');
    expect(await decisionsOf(cast.stack, request.id)).toMatchObject([{ refusal: 'on_call_unknown' }]);
    expect((await cast.show(cast.olga, request.id)).status).toBe('pending');
    await undo();
    expect((await cast.stack.decide(cast.petra, request.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('what is asked is for others, also once the service is back; what is asked then is for who is on call', async () => {
    await awayForAnHour();
    const during = await cast.ask();
    expect(during.status).toBe('pending');
    pager.answerWith(null);
    await waitFor({
      what: 'the service to be heard again',
      check: async () => {
        const { rowCount } = await cast.stack.keyturnDb.query(
          `select from keyturn.duty_heard where heard_to > now() - interval '1 minute'`,
        );
        return rowCount === 0 ? undefined : true;
      },
    });
    const refused = await cast.stack.decide<Problem>(cast.olga, during.id);
    expect(refusal(refused)).toEqual([409, 'on_call_unknown']);
    expect(refused.body.detail).toMatch(/when the request was made/);
    const after = await cast.ask();
    expect((await cast.stack.decide(cast.olga, after.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(after.id, 'succeeded');
    expect((await cast.stack.decide(cast.petra, during.id)).status).toBeLessThan(300);
    await cast.stack.waitForStatus(during.id, 'succeeded');
  });
});

it('of two workers one asks the service, and the other goes on when it is killed', async () => {
  const [first, ...others] = await waitFor({
    what: 'a worker to say when it heard the service',
    check: async () => {
      const found = await pollers();
      return found.length > 0 ? found : undefined;
    },
  });
  expect(others).toEqual([]);
  await first?.kill9();
  const [next] = await waitFor({
    what: 'the other worker to go on',
    check: async () => {
      const found = await pollers();
      return found.length > 0 ? found : undefined;
    },
  });
  expect(next?.name).not.toBe(first?.name);
  await first?.start();
  onCall('P-DMITRI');
  await heard('P-DMITRI');
  expect((await pollers()).map(({ name }) => name)).toEqual([next?.name]);
});
