import type { Client, QueryResultRow } from 'pg';

import { TRIGGERS } from './called-functions.sql.ts';
import { answersTo, question, type Question } from './questions.ts';
import type { WrittenTable } from './written-tables.ts';

/** A trigger function with a digest of its source. */
export interface TriggerFunction {
  readonly name: string;
  readonly version: string;
}

/** A trigger that may fire. */
export interface TriggerRow extends QueryResultRow, TriggerFunction {
  readonly definition: string | null;
  readonly is_volatile: boolean;
  readonly fires_without_rows: boolean;
}

const EVENT_BITS = { insert: 4, delete: 8, update: 16 } as const;

/** Operations as `pg_trigger.tgtype` has them. */
export function eventMask(operations: WrittenTable['operations']): number {
  return operations.reduce((mask, operation) => mask | EVENT_BITS[operation], 0);
}

/** Tables and views that may be written. */
type Watched = readonly (Pick<WrittenTable, 'oid' | 'operations'> & { readonly isNamed?: boolean })[];

/** Asks for triggers that may fire there, also those of pg_catalog that have a condition. */
export function triggersOf(tables: Watched): Question<TriggerRow> {
  const masks = tables.map(({ operations }) => eventMask(operations));
  const named = tables.map(({ isNamed }) => isNamed === true);
  return question(TRIGGERS, [tables.map(({ oid }) => oid), masks, named]);
}

/** What `triggersOf` answers. */
export async function readTriggers(client: Client, tables: Watched): Promise<readonly TriggerRow[]> {
  const [triggers] = await answersTo(client, [triggersOf(tables)]);
  return triggers;
}

/** True for those of the target's owner. */
export function isOwners({ name }: TriggerRow): boolean {
  return !name.startsWith('pg_catalog.');
}

/** Those that nobody vouches for. */
export function unknownOf(
  triggers: readonly TriggerRow[],
  allowed: ReadonlySet<string>,
): readonly TriggerFunction[] {
  const unknown = triggers.filter((trigger) => isOwners(trigger) && !allowed.has(trigger.name));
  const byName = new Map(unknown.map(({ name, version }) => [`${name} ${version}`, { name, version }]));
  return [...byName.values()];
}

/** That there are any of those. */
export function lackingText(unknown: readonly TriggerFunction[]): string {
  const names = unknown.map(({ name }) => name).join(', ');
  return `The target's list of functions lacks ${names}, which a trigger calls.`;
}

/** Those that the target's owner vouches for. */
export function listedIn(
  triggers: readonly TriggerRow[],
  allowed: ReadonlySet<string>,
): { readonly listedTriggers: readonly string[]; readonly listedFireWithoutRows: boolean } {
  const listed = triggers.filter(({ name, is_volatile: isVolatile }) => isVolatile && allowed.has(name));
  return {
    listedTriggers: [...new Set(listed.map(({ name }) => name))],
    listedFireWithoutRows: listed.some((trigger) => trigger.fires_without_rows),
  };
}
