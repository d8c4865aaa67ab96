import type { EntityManager } from 'typeorm';

import { KeyturnError } from '../domain/errors.ts';
import type { Identity } from '../domain/identity/identity.ts';
import type { KillSwitch, SwitchLift, SwitchScopeKind } from '../domain/execution/kill-switch.ts';
import { queryPrepared } from './prepared.ts';
import { rows, valueOf } from './rows.ts';

/** All switches that are on, oldest first. */
export async function readSwitches(manager: EntityManager): Promise<readonly KillSwitch[]> {
  return query(manager, 'lifted_at is null', []);
}

/**
 * Until the transaction ends no policy is activated, nobody joins or leaves the directory, and no switch is engaged or
 * released; other claims go on. Answers the switches that are on. Refuses (`unavailable`) when the row that says so is gone:
 * without it nobody would be kept waiting.
 */
export async function lockRestrictions(manager: EntityManager): Promise<readonly KillSwitch[]> {
  // One connection answers them in this order.
  const [, , state] = await Promise.all([
    rows(manager, 'select 1 from keyturn.policy_active for share'),
    rows(manager, 'select 1 from keyturn.directory_state for share'),
    rows(manager, 'select 1 from keyturn.kill_switch_state for share'),
  ]);
  if (state.length === 0) throw new KeyturnError('unavailable', 'The state of kill switches is missing.');
  // A statement of its own: it sees what was committed while this waited for the lock.
  return readSwitches(manager);
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

interface SwitchRow {
  readonly id: string;
  readonly scope_kind: SwitchScopeKind;
  readonly scope_value: string | null;
  readonly account: Identity | null;
  readonly reason: string;
  readonly thrown_by: string;
  readonly thrown_at: Date;
  readonly lifted_at: Date | null;
}

/** The switches that are on, as one JSON value; `switchesFrom` reads it. */
export const SWITCHES_ON = `
  (select coalesce(jsonb_agg(on_now order by on_now.thrown_at, on_now.id), '[]') from keyturn.kill_switch as on_now
   where on_now.lifted_at is null)`;

/** Switches that came as JSON, where instants are text. */
export function switchesFrom(
  rows: readonly (Omit<SwitchRow, 'thrown_at'> & { readonly thrown_at: string })[],
): readonly KillSwitch[] {
  return rows.map((row) => switchOf({ ...row, thrown_at: new Date(row.thrown_at) }));
}

async function query(
  manager: EntityManager,
  condition: string,
  values: unknown[],
): Promise<readonly KillSwitch[]> {
  const text = `select id, scope_kind, scope_value, account, reason, thrown_by, thrown_at, lifted_at
                  from keyturn.kill_switch where ${condition} order by thrown_at, id`;
  const name = `switches where ${condition}`;
  return (await queryPrepared<SwitchRow>(manager, { name, text }, values)).map(switchOf);
}

function switchOf(row: SwitchRow): KillSwitch {
  const { id, account, reason, thrown_by } = row;
  return {
    id,
    scope: { kind: row.scope_kind, value: row.scope_value },
    account,
    reason,
    thrown_by,
    thrown_at: row.thrown_at.toISOString(),
    lifted_at: row.lifted_at?.toISOString() ?? null,
  };
}
