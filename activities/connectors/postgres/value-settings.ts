import { escapeLiteral, type Client } from 'pg';

import { catalogueRows } from './kept-sessions.ts';

/**
 * Settings that the server looks at when it reads, calculates and prints values. Others change what is fast, not what is
 * written, or are set by us.
 */
const NAMES = [
  'TimeZone timezone_abbreviations DateStyle IntervalStyle bytea_output extra_float_digits xmlbinary xmloption',
  'lc_messages lc_monetary lc_numeric lc_time array_nulls backslash_quote transform_null_equals',
  'quote_all_identifiers default_text_search_config',
].flatMap((line) => line.split(' '));

/** An expression: these settings as the session has them. Read before anything is set for a transaction. */
export const SESSION_SETTINGS = `array[${NAMES.map(
  (name) => `pg_catalog.current_setting(${escapeLiteral(name)}, true)`,
).join(', ')}]::pg_catalog.text`;

/**
 * Equal text for equal settings of whatever values depend on: those of the session, and those that the target has made up
 * for itself (`app.tenant`) and set for the role or the database. The latter are read in a session that keeps its plans,
 * since a fresh one would have to learn half the catalogue for it; later than the writing session was opened, so that
 * what changes in between, and stays so, is a difference. Everything is qualified: between transactions a session has the target's path.
 */
export async function valueSettings(session: string, reader: Client): Promise<string> {
  const rows = await catalogueRows<{ settings: readonly string[] }>(reader, OWN);
  const own = rows.flatMap(({ settings }) => settings.filter((entry) => OF_ITS_OWN.test(entry)));
  return `${session} ${JSON.stringify(own)}`;
}

const OF_ITS_OWN = /^[^=]*\./;

const OWN = `
  select setconfig as settings from pg_catalog.pg_db_role_setting
   where setdatabase operator(pg_catalog.=) any (array[0::pg_catalog.oid,
           (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database())])
     and setrole operator(pg_catalog.=) any (array[0::pg_catalog.oid,
           (select oid from pg_catalog.pg_roles where rolname operator(pg_catalog.=) session_user)])
   order by setdatabase, setrole`;
