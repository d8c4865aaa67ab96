import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import type { VerificationReport } from '../../domain/audit/verification/verify.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

/** Rows that somebody garbled: their evidence is given all the same, and says so. */

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  activities = createActivities(dependencies);
  await dropChecks();
});
afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

/** Put off by one person, so that there is a decision and it stays pending. */
async function deferred(): Promise<Caller> {
  const at = new Date().toISOString();
  const caller = await newCaller(desk, 'shop');
  await called(caller, activities.receive, { request: caller.request.envelope, at });
  const planned = await called(caller, activities.plan, { attempt: 1, at });
  if (planned.kind !== 'planned') throw new Error('not planned');
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at });
  const until = new Date(Date.now() + 60_000).toISOString();
  const body = await desk.decision(caller.id, 'olga', { verdict: 'defer', defer: { until, to: null } });
  await called(caller, activities.consume, { messages: [{ kind: 'decide', body }], junk: 0, step: 1, at });
  return caller;
}

/** As only the owner of the database can do: what its columns hold is checked. */
async function dropChecks(): Promise<void> {
  await stack.keyturnDb.query(`do $$ declare checked record; begin
    for checked in select conname from pg_constraint
      where conrelid = 'keyturn.request'::regclass and contype = 'c' and conname like 'request%' loop
      execute format('alter table keyturn.request drop constraint %I', checked.conname);
    end loop; end $$`);
}

/** As only the owner of the database can write. */
async function garble({ id }: Caller, text: string): Promise<void> {
  await stack.keyturnDb.query('set session_replication_role = replica');
  await stack.keyturnDb.query(text, [id]);
  await stack.keyturnDb.query('reset session_replication_role');
}

/** Outcomes of the checks that do not hold. */
async function unheld({ id }: Caller): Promise<Readonly<Record<string, string>>> {
  const token = await stack.issuer.humanToken('omar');
  const { stdout } = await stack.cli(['verify', id, '--json'], { KEYTURN_TOKEN: token });
  const { checks } = JSON.parse(stdout) as VerificationReport;
  return Object.fromEntries(
    checks.filter(({ ok }) => !ok).map(({ name, outcome }) => [name, outcome] as const),
  );
}

const row = (assignment: string): string => `update keyturn.request set ${assignment} where id = $1`;
const decision = (assignment: string): string =>
  `update keyturn.decision set ${assignment} where request = $1`;

describe('the evidence of a request whose row cannot be read', () => {
  it('holds before anybody garbled it', async () => {
    expect(await unheld(await deferred())).toEqual({});
  });

  it.each([
    ['its requirement is of no known form', row(`requirement = '{"rules": 7}'`), 'shown_as_recorded'],
    ['its requirement is a text', row(`requirement = '"nobody"'`), 'shown_as_recorded'],
    ['it was made at no time', row(`created_at = 'infinity'`), 'shown_as_recorded'],
    ['it was made in no year that can be written', row(`created_at = '20000-01-01'`), 'shown_as_recorded'],
    ['it expires never', row(`expires_at = 'infinity'`), 'shown_as_recorded'],
    ['it is pending since ever', row(`pending_since = '-infinity'`), 'shown_as_recorded'],
    ['its rules are no list', row(`matched_rules = '{"id": 1}'`), 'shown_as_recorded'],
    ['its failure is a text', row(`failure = '"none"'`), 'shown_as_recorded'],
    ['a decision was made at no time', decision(`at = 'infinity'`), 'decision_rows_match'],
    ['a deferral never ends', decision(`defer_until = 'infinity'`), 'decision_rows_match'],
  ])('is given, and the fault is named: %s', async (_what, text, check) => {
    const caller = await deferred();
    await garble(caller, text);
    expect(await unheld(caller)).toMatchObject({ [check]: 'failed' });
  });

  it('is given when an entry is dated at no time, and that is named', async () => {
    const caller = await deferred();
    await garble(
      caller,
      `insert into audit.entry (leaf)
       select (leaf::jsonb || '{"at": "yesterday"}' || jsonb_build_object('n', n + 1, 'id', $1::text || '/planted'))::text
       from audit.entry where request = $1 order by n desc limit 1`,
    );
    expect(await unheld(caller)).toMatchObject({ leaves_canonical: 'failed' });
  });
});
