import { escapeLiteral, type QueryResultRow } from 'pg';

import { question } from './questions.ts';

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
 * for itself (`app.tenant`) and sets for the role or the database.
 */
export function valueSettings(session: string, roleSettings: readonly string[]): string {
  return `${session} ${JSON.stringify(roleSettings.filter((entry) => OF_ITS_OWN.test(entry)))}`;
}

const OF_ITS_OWN = /^[^=]*\./;

/** Among the settings: event triggers run at each login. */
export const SET_AT_LOGIN = 'login trigger';

/**
 * What the target sets now for new sessions of the login role, as `place name=value`: which of two values holds depends on
 * whether it is set for the role, the database, both or all.
 */
export function roleSettingsIn(rows: readonly RoleSettingsRow[]): readonly string[] {
  return rows.flatMap(({ place, settings }) => settings.map((setting) => `${place} ${setting}`));
}

interface RoleSettingsRow extends QueryResultRow {
  readonly place: string;
  readonly settings: readonly string[];
}

/** Everything is qualified: between transactions a session has the target's path. */
export const ROLE_SETTINGS = question<RoleSettingsRow>(`
  select pg_catalog.concat_ws('/', setdatabase, setrole) as place, setconfig as settings
    from pg_catalog.pg_db_role_setting
   where setdatabase operator(pg_catalog.=) any (array[0::pg_catalog.oid,
           (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database())])
     and setrole operator(pg_catalog.=) any (array[0::pg_catalog.oid,
           (select oid from pg_catalog.pg_roles where rolname operator(pg_catalog.=) session_user)])
  union all
  select 'login', array['trigger']
   where exists (select from pg_catalog.pg_event_trigger
                  where evtevent operator(pg_catalog.=) 'login' and evtenabled operator(pg_catalog.<>) 'D')
   order by 1`);
