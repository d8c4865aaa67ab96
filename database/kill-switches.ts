import type { EntityManager } from 'typeorm';

import { KeyturnError } from '../domain/errors.ts';
import type { KillSwitch, SwitchLift, SwitchScopeKind } from '../domain/execution/kill-switch.ts';
import { queryPrepared } from './prepared.ts';
import { rows, valueOf } from './rows.ts';

const ON = 'lifted_at is null';

const LOCK_RESTRICTIONS = {
  name: 'lock-restrictions',
  text: 'select keyturn.lock_restrictions() as is_locked',
};

/** All switches that are on, oldest first. */
export async function readSwitches(manager: EntityManager): Promise<readonly KillSwitch[]> {
  return query(manager, ON, []);
}

const RELEASED_MAX = 100;

/** The switches that were released last, newest first. */
export async function readReleasedSwitches(manager: EntityManager): Promise<readonly KillSwitch[]> {
  const newest = `select id from keyturn.kill_switch where lifted_at is not null order by lifted_at desc, id limit ${RELEASED_MAX}`;
  const [row] = await rows<{ switches: SwitchRow[] }>(
    manager,
    `select ${switchesWhere(`id in (${newest})`)} as switches`,
    [],
  );
  return switchesFrom(row?.switches ?? []).toSorted(
    (one, other) => Date.parse(other.lifted_at ?? '') - Date.parse(one.lifted_at ?? ''),
  );
}

/**
 * Until the transaction ends no policy is activated, nobody joins or leaves the directory, and no switch is engaged or
 * released; other claims go on. What is read from then on stays so. Refuses (`unavailable`) when the row that says so is gone:
 * without it nobody would be kept waiting.
 */
export async function lockRestrictions(manager: EntityManager): Promise<void> {
  const [row] = await queryPrepared<{ is_locked: boolean }>(manager, LOCK_RESTRICTIONS, []);
  if (row?.is_locked !== true)
    throw new KeyturnError('unavailable', 'The state of kill switches is missing.');
}

/** One switch, on or released, or null. */
export async function readSwitch(manager: EntityManager, id: string): Promise<KillSwitch | null> {
  const [found] = await query(manager, 'id = $1', [id]);
  return found ?? null;
}

/** The call by which a person agreed to release a switch; null where that is not known, or the person has not agreed. */
export async function readLiftCall(
  manager: EntityManager,
  { switch: id, person }: { readonly switch: string; readonly person: string },
): Promise<string | null> {
  const text = 'select call from keyturn.kill_switch_lift where switch = $1 and person = $2';
  return valueOf(manager, text, [id, person]);
}

/** Who has agreed so far to release these switches, by switch, in order. */
export async function readLifts(
  manager: EntityManager,
  switches: readonly string[],
): Promise<ReadonlyMap<string, readonly SwitchLift[]>> {
  const found = await rows<{ switch: string; person: string; at: Date }>(
    manager,
    'select switch, person, at from keyturn.kill_switch_lift where switch = any($1) order by at, person',
    [switches],
  );
  const lifts = found.map(({ at, ...lift }) => ({ ...lift, at: at.toISOString() }));
  return Map.groupBy(lifts, (lift) => lift.switch);
}

/**
 * The last entry of the log of kill switches, or null. Until the transaction ends nobody else engages or releases, and no
 * execution is claimed.
 */
export async function lockSwitchLog(manager: EntityManager): Promise<string | null> {
  return valueOf(manager, 'select keyturn.lock_kill_switches()');
}

/** An audit entry as the functions of the database take it. */
export interface SwitchEntry {
  readonly leaf: string;
  readonly parts: Readonly<Record<string, { readonly salt: string; readonly body: string }>>;
}

/** What is recorded together with a change: its entries, and the names behind their pseudonyms. */
export interface SwitchRecord {
  readonly entries: readonly SwitchEntry[];
  readonly subjects: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Engages a switch, with its entry. The function of the database refuses an entry about anything else. */
export async function storeEngaged(
  manager: EntityManager,
  engaged: KillSwitch,
  { entries, subjects }: SwitchRecord,
): Promise<void> {
  await manager.query('select keyturn.throw_kill_switch($1, $2, $3)', [engaged, json(entries), subjects]);
}

/** Notes that a person agrees to release a switch, and releases it when there is an entry that says so. */
export async function storeLift(
  manager: EntityManager,
  lift: SwitchLift & { readonly switch: string; readonly call: string | null },
  { entries, subjects }: SwitchRecord,
): Promise<void> {
  await manager.query('select keyturn.confirm_kill_switch_lift($1, $2, $3)', [lift, json(entries), subjects]);
}

/** The driver would make a PostgreSQL array of it. */
function json(entries: readonly SwitchEntry[]): string {
  return JSON.stringify(entries);
}

/** As JSON, so instants are text. */
interface SwitchRow extends Omit<KillSwitch, 'scope'> {
  readonly scope_kind: SwitchScopeKind;
  readonly scope_value: string | null;
}

/** Switches as one JSON value, oldest first; `switchesFrom` reads it. */
function switchesWhere(condition: string): string {
  return `(select coalesce(jsonb_agg(one order by one.thrown_at, one.id), '[]') from keyturn.kill_switch one where ${condition})`;
}

/** The switches that are on, as one JSON value; `switchesFrom` reads it. */
export const SWITCHES_ON = switchesWhere(ON);

/** Switches that came as JSON. */
export function switchesFrom(rows: readonly SwitchRow[]): readonly KillSwitch[] {
  return rows.map((row) => ({
    id: row.id,
    scope: { kind: row.scope_kind, value: row.scope_value },
    account: row.account,
    reason: row.reason,
    thrown_by: row.thrown_by,
    thrown_at: new Date(row.thrown_at).toISOString(),
    lifted_at: row.lifted_at && new Date(row.lifted_at).toISOString(),
  }));
}

async function query(
  manager: EntityManager,
  condition: string,
  values: readonly unknown[],
): Promise<readonly KillSwitch[]> {
  const prepared = { name: `switches ${condition}`, text: `select ${switchesWhere(condition)} as switches` };
  const [row] = await queryPrepared<{ switches: SwitchRow[] }>(manager, prepared, values);
  return switchesFrom(row?.switches ?? []);
}
