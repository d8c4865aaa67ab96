import { escapeIdentifier } from 'pg';

import type { JsonValue } from '../../domain/canonical-json.ts';
import { inSession, type Clone, type Clones } from './clones.ts';
import { stateIn, type DatabaseState } from './state.ts';

/** What a statement does when nothing stands between. */
export interface DirectRun {
  readonly state: DatabaseState;
  /** Rows inserted, updated and deleted, as the server counts them, by table. */
  readonly counts: ReadonlyMap<string, string>;
}

/** Where a statement is run directly, and how. */
export interface DirectPlace {
  readonly clones: Clones;
  readonly mirror: Clone;
  readonly connection: Readonly<Record<string, JsonValue>>;
}

/** Runs a statement as it is, by the same roles and on the same path as Keyturn, and rolls it back. */
export function runDirectly(place: DirectPlace, statement: string): Promise<DirectRun> {
  const { login, statement: writer } = place.clones.roles;
  const names = (place.connection['search_path'] ?? ['public']) as readonly string[];
  const searchPath = ['pg_catalog', ...names, 'pg_temp'].map((name) => escapeIdentifier(name)).join(', ');
  // In a session of its own: the counters of a used one would count earlier runs, too.
  return inSession(place.mirror.adminUrl, async (client) => {
    await client.query(`
      set session authorization ${login};
      begin isolation level repeatable read;
      set local search_path = ${searchPath};
      set local role ${writer}`);
    await client.query(statement);
    await client.query('set constraints all immediate');
    const { rows } = await client.query<{ name: string; counts: string }>(COUNTS);
    await client.query('reset role; reset session authorization');
    return { state: await stateIn(client), counts: new Map(rows.map((row) => [row.name, row.counts])) };
  });
}

const COUNTS = `
  select format('%I.%I', schemaname, relname) as name, concat_ws(' ', n_tup_ins, n_tup_upd, n_tup_del) as counts
    from pg_stat_xact_user_tables
   where n_tup_ins + n_tup_upd + n_tup_del > 0 and schemaname <> 'keyturn'`;
