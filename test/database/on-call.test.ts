import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDataSource } from '../../database/data-source.ts';
import { observedSince, recordOnCall, readOnCall, type OnCallAnswer } from '../../database/on-call.ts';
import type { ObservedRotation, PolledRotation } from '../../domain/calendar/polled-rotation.ts';
import { policyOf, sorted } from '../domain/examples.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';
import { waitFor } from '../stack/wait.ts';

let worker: DataSource;
let api: DataSource;
let admin: Client;
let schedule = '';
let schedules = 0;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`duty_${takeNumber()}`);
  const open = (url: string): Promise<DataSource> =>
    createDataSource({ url, applicationName: 'test' }).initialize();
  [worker, api] = await Promise.all([open(keyturn.worker), open(keyturn.api)]);
  admin = new Client({ connectionString: keyturn.admin });
  await admin.connect();
});

afterAll(async () => {
  await Promise.all([worker.destroy(), api.destroy(), admin.end()]);
});

beforeEach(() => {
  schedules += 1;
  schedule = `S${schedules}`;
});

function answer(members: readonly string[], onCall: readonly string[]): OnCallAnswer {
  return { source: 'pager', schedule, issuer: 'https://pager.example', members, on_duty: onCall };
}

function rotation(): PolledRotation {
  return { id: 'sre', source: 'pager', schedule, maximum_staleness_ms: 600_000 };
}

async function observed(since = new Date(0)): Promise<ObservedRotation> {
  const [found] = await observedSince(api.manager, [rotation()], since);
  if (!found) throw new Error('Nothing was heard.');
  return found;
}

/** Makes everything about the rotation so many minutes older. */
async function age(minutes: number): Promise<void> {
  const of = `rotation = (select id from keyturn.duty_rotation where schedule = '${schedule}')`;
  const by = `interval '${minutes} minutes'`;
  await admin.query(
    `update keyturn.duty_heard set heard_from = heard_from - ${by}, heard_to = heard_to - ${by} where ${of}`,
  );
  await admin.query(
    `update keyturn.duty_person set valid_from = valid_from - ${by}, valid_to = valid_to - ${by} where ${of}`,
  );
}

function present(people: ObservedRotation['members']): readonly string[] {
  return sorted(people.filter(({ to }) => to === null).map(({ subject }) => subject));
}

function past(people: ObservedRotation['members']): readonly string[] {
  return sorted(people.filter(({ to }) => to !== null).map(({ subject }) => subject));
}

async function refused(source: DataSource, sql: string): Promise<string> {
  return source.query(sql).then(
    () => 'not refused',
    (error: unknown) => String(error),
  );
}

describe('what a service answered', () => {
  it('is kept as intervals by the time at which it was observed: rotation and who is on call apart', async () => {
    expect(await recordOnCall(worker.manager, answer(['a', 'b'], ['a']))).toEqual({ opened: 3, closed: 0 });
    expect(await recordOnCall(worker.manager, answer(['a', 'c'], ['c']))).toEqual({ opened: 2, closed: 2 });
    const { members, on_duty: onCall } = await observed();
    expect(present(members)).toEqual(['a', 'c']);
    expect(past(members)).toEqual(['b']);
    expect(present(onCall)).toEqual(['c']);
    expect(past(onCall)).toEqual(['a']);
    // What ended and what began meet: at no instant are both on call, or neither.
    expect(onCall.find(({ subject }) => subject === 'a')?.to).toBe(
      onCall.find(({ subject }) => subject === 'c')?.from,
    );
    expect(members[0]).toMatchObject({ issuer: 'https://pager.example' });
  });

  it('changes nothing when it is the same again, but that it was heard', async () => {
    await recordOnCall(worker.manager, answer(['a', 'b'], ['a']));
    const before = await observed();
    expect(await recordOnCall(worker.manager, answer(['b', 'a', 'a'], ['a']))).toEqual({
      opened: 0,
      closed: 0,
    });
    const after = await observed();
    expect({ ...after, heard: [] }).toEqual({ ...before, heard: [] });
    expect(after.heard).toHaveLength(1);
    expect(after.heard[0]?.from).toBe(before.heard[0]?.from);
    expect(Date.parse(after.heard[0]?.to ?? '')).toBeGreaterThanOrEqual(
      Date.parse(before.heard[0]?.to ?? ''),
    );
  });

  it('does not fill a silence of more than two minutes', async () => {
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    await age(1);
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    expect((await observed()).heard).toHaveLength(1);
    await age(3);
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    const { heard, on_duty: onCall } = await observed();
    expect(heard).toHaveLength(2);
    expect(Date.parse(heard[0]?.to ?? '')).toBeLessThan(Date.parse(heard[1]?.from ?? '') - 120_000);
    // The person is the same all the time; that nobody knew it is what the silence says.
    expect(onCall).toHaveLength(1);
  });

  it('is dated later than all before it, also when several arrive at once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name) => recordOnCall(worker.manager, answer([name], [name]))));
    const { members, heard } = await observed();
    expect(heard).toHaveLength(1);
    expect(members).toHaveLength(names.length);
    expect(members.filter(({ to }) => to === null)).toHaveLength(1);
    const { rows } = await admin.query<{ starts: string }>(
      `select count(distinct valid_from) as starts from keyturn.duty_person
       join keyturn.duty_rotation on duty_rotation.id = rotation where schedule = $1 and not is_on_duty`,
      [schedule],
    );
    expect(rows[0]?.starts).toBe(String(names.length));
  });

  it('is read as far back as it matters, and for the rotations of both policies', async () => {
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    await recordOnCall(worker.manager, answer(['b'], ['b']));
    await age(60);
    await recordOnCall(worker.manager, answer(['b'], ['b']));
    const now = new Date();
    expect((await observed(now)).members.map(({ subject }) => subject)).toEqual(['b']);
    const policy = policyOf([], { polled_rotations: [rotation()] });
    const question = { now: policy, creation: policyOf([]), createdAt: now };
    const { polled } = await readOnCall(api.manager, question);
    expect(polled).toMatchObject({ now: [rotation()], at_creation: [], created_at: now.toISOString() });
    expect(polled?.observed).toHaveLength(1);
    expect(await readOnCall(api.manager, { ...question, now: policyOf([]) })).toEqual({});
  });
});

describe('who is on call', () => {
  it('is written by the function only, which the worker alone may call', async () => {
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    const denied = /permission denied/;
    expect(await refused(api, `select keyturn.observe_duty('{}')`)).toMatch(denied);
    for (const source of [worker, api]) {
      expect(await refused(source, `update keyturn.duty_heard set heard_to = now()`)).toMatch(denied);
      expect(await refused(source, `update keyturn.duty_person set valid_from = '-infinity'`)).toMatch(
        denied,
      );
      expect(await refused(source, `delete from keyturn.duty_person`)).toMatch(denied);
      expect(
        await refused(source, `insert into keyturn.duty_rotation (source, schedule) values ('a', 'b')`),
      ).toMatch(denied);
    }
  });

  it('changes before or after a claim, never while it looks', async () => {
    await recordOnCall(worker.manager, answer(['a', 'b'], ['a']));
    const claim = worker.createQueryRunner();
    await claim.startTransaction();
    // What a claim takes; it would read after that.
    await claim.query('select 1 from keyturn.directory_state for share');
    const leaving = recordOnCall(worker.manager, answer(['b'], ['b']));
    await waitFor({
      what: 'the answer to wait for the claim',
      check: async () => {
        const { rows } = await admin.query<{ waiting: boolean }>(
          `select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%observe_duty%') as waiting`,
        );
        return rows[0]?.waiting === true ? true : undefined;
      },
    });
    expect((await observed()).members.every(({ to }) => to === null)).toBe(true);
    await claim.commitTransaction();
    await claim.release();
    expect(await leaving).toEqual({ opened: 1, closed: 2 });
  });

  it('does not wait for claims while it stays the same', async () => {
    await recordOnCall(worker.manager, answer(['a'], ['a']));
    const claim = worker.createQueryRunner();
    await claim.startTransaction();
    await claim.query('select 1 from keyturn.directory_state for share');
    expect(await recordOnCall(worker.manager, answer(['a'], ['a']))).toEqual({ opened: 0, closed: 0 });
    await claim.rollbackTransaction();
    await claim.release();
  });
});
