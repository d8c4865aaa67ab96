/** What to write instead of a part of a statement that is not allowed, by the kind of its node. */
export const NODE_ADVICE: Readonly<Record<string, string>> = {
  LockingClause:
    'Row locks (FOR UPDATE, FOR SHARE, SKIP LOCKED) do nothing here: the statement is a transaction of its own and locks ' +
    'what it changes. Leave the clause out.',
  IntoClause: 'SELECT INTO creates a table. Let its owner create it, and write INSERT INTO … SELECT.',
  CurrentOfExpr: 'WHERE CURRENT OF needs a cursor, and there is none. Name the row by its key.',
  ParamRef: 'Parameters ($1) have no values here. Write the values themselves.',
  RangeTableSample:
    'TABLESAMPLE picks other rows every time. Choose them by a condition, or by ORDER BY a key and LIMIT.',
  RangeTableFunc: 'XMLTABLE is not followed. Write unnest(xpath(…)).',
};

const SEQUENCES =
  'takes or sets values of a sequence, which no rollback gives back. Leave the column out or write DEFAULT; setting a ' +
  'sequence is its owner’s work.';

const SETTINGS =
  'reads or sets the session, which is another one when the statement runs. Write the value itself.';

const WAITING = 'waits, locks or notifies other sessions, even while it is only tried out. Leave it out.';

const MADE_UP =
  'gives another value every time. Write the value itself, leave the column to its default, or let the owner of the target ' +
  'list the function in made_at_execution.';

const WALL_CLOCK =
  'gives another time every time, also within the statement. Write now(), which is fixed when it is executed.';

const CATALOGUE = 'reads the catalogue. Look it up with a role that only reads, and write what you found.';

/** By the name of a function; what is not here is a matter of the target's list. */
const FUNCTION_ADVICE: ReadonlyMap<string, string> = new Map(
  (
    [
      ['nextval setval currval lastval', SEQUENCES],
      [
        'current_setting set_config txid_current pg_current_xact_id pg_backend_pid inet_client_addr',
        SETTINGS,
      ],
      ['pg_sleep pg_sleep_for pg_sleep_until pg_notify', WAITING],
      ['pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock', WAITING],
      ['random random_normal array_sample array_shuffle gen_salt gen_random_bytes gen_random_uuid', MADE_UP],
      ['uuidv4 uuidv7', MADE_UP],
      [
        'uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4',
        'is not a function of the server itself. Write gen_random_uuid().',
      ],
      ['clock_timestamp timeofday', WALL_CLOCK],
      [
        'crypt',
        'is not on the target’s list of functions. Let its owner list it, and gen_salt in made_at_execution.',
      ],
      ['pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_database_size', CATALOGUE],
      [
        'to_regclass obj_description col_description has_table_privilege pg_get_viewdef pg_get_functiondef',
        CATALOGUE,
      ],
    ] as const
  ).flatMap(([names, advice]) => names.split(' ').map((name): [string, string] => [name, advice])),
);

/** What is wrong with a call and what to write instead. */
export function adviceOn(name: string): string {
  const bare = name.slice(name.lastIndexOf('.') + 1);
  const advice = FUNCTION_ADVICE.get(bare);
  if (advice !== undefined) return `${bare}() ${advice}`;
  return `The function ${name} is not allowed at this target. Its owner can vouch for it in allowed_functions.`;
}
