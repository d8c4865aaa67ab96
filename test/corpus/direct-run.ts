import { escapeIdentifier } from 'pg';

import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { inSession, type Clone, type Clones } from './clones.ts';
import { takenBetween, type Sequences } from './sequence-moves.ts';
import { readSequences, stateIn, type DatabaseState } from './state.ts';

/** What a statement does when nothing stands between. */
export interface DirectRun {
  readonly state: DatabaseState;
  readonly taken: Sequences;
}

/** Where a statement is run directly, and how. */
export interface DirectTarget {
  readonly clones: Clones;
  readonly mirror: Clone;
  readonly connection: Readonly<Record<string, JsonValue>>;
}

/** Runs a statement as it is, by the same roles and on the same path as Keyturn, and rolls it back. */
export function runDirectly(target: DirectTarget, statement: string): Promise<DirectRun> {
  const { login, statement: writer } = target.clones.roles;
  const names = (target.connection['search_path'] ?? ['public']) as readonly string[];
  const searchPath = ['pg_catalog', ...names, 'pg_temp'].map((name) => escapeIdentifier(name)).join(', ');
  return inSession(target.mirror.adminUrl, async (client) => {
    const sequences = await readSequences(client);
    await client.query(`
      set session authorization ${login};
      begin isolation level repeatable read;
      set local search_path = ${searchPath};
      set local role ${writer}`);
    await client.query(statement);
    await client.query('set constraints all immediate');
    await client.query('reset role; reset session authorization');
    const state = await stateIn(client);
    return { state, taken: takenBetween(sequences, state.sequences) };
  });
}
