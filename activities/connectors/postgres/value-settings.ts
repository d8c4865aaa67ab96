import { escapeLiteral } from 'pg';

/**
 * Settings that the server looks at when it reads, calculates and prints values. Others change what is fast, not what is
 * written, or are set by us.
 */
const NAMES = [
  'TimeZone',
  'timezone_abbreviations',
  'DateStyle',
  'IntervalStyle',
  'bytea_output',
  'extra_float_digits',
  'xmlbinary',
  'xmloption',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'array_nulls',
  'backslash_quote',
  'transform_null_equals',
  'quote_all_identifiers',
  'default_text_search_config',
];

/**
 * An expression: these settings as the session has them, and those that the target has made up for itself (`app.tenant`)
 * and set for the role or the database. Asked before anything is set for a transaction.
 */
export const VALUE_SETTINGS = `
  pg_catalog.jsonb_build_object(
    'known', (select pg_catalog.jsonb_object_agg(name, pg_catalog.current_setting(name, true))
                from pg_catalog.unnest(array[${NAMES.map((name) => escapeLiteral(name)).join(', ')}]) name),
    'own', (select pg_catalog.jsonb_agg(entry order by setdatabase, setrole, entry)
              from pg_catalog.pg_db_role_setting
             cross join pg_catalog.unnest(setconfig) entry
             where setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
               and setrole in (0, session_user::pg_catalog.regrole::oid)
               and pg_catalog.split_part(entry, '=', 1) like '%.%'))::text`;
