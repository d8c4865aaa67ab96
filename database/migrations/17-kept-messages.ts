import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the API has acknowledged and the workflow has not consumed yet: decisions and withdrawals as the API signed them.
 * Whoever can write to the namespace can swallow a signal, or fill a workflow until it takes none; not these rows.
 */
export class KeptMessages1764831000000 implements MigrationInterface {
  readonly name = 'KeptMessages1764831000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLE, KEEP, ...GRANTS]) await runner.query(statement);
  }

  /** What was acknowledged would be lost. */
  async down(): Promise<void> {
    throw new Error('The migration of kept messages cannot be undone: acknowledged decisions would be lost.');
  }
}

const TABLE = [
  `create table keyturn.kept_message (
     id text primary key check (id ~ '^(dec|wdr)_[a-z2-7]{26}$'), request text not null,
     kind text not null check (kind in ('decide', 'withdraw')),
     envelope text not null check (octet_length(envelope) <= 1048576),
     kept_at timestamptz not null default clock_timestamp(), consumed_at timestamptz)`,
  `create index kept_message_open on keyturn.kept_message (request, kept_at) where consumed_at is null`,
];

/** More of them wait for one request only where somebody sends without end. */
const OPEN_MAX = 200;

const KEEP = `
  create function keyturn.keep_message(message text, of_request text, of_kind text, signed text) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform pg_advisory_xact_lock(hashtextextended('kept:' || of_request, 0));
    if (select count(*) from keyturn.kept_message open
        where open.request = of_request and open.consumed_at is null) >= ${OPEN_MAX} then
      return false;
    end if;
    insert into keyturn.kept_message (id, request, kind, envelope)
      values (message, of_request, of_kind, signed) on conflict (id) do nothing;
    return true;
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.keep_message from public`,
  `grant execute on function keyturn.keep_message to keyturn_api`,
  `grant select, update (consumed_at) on keyturn.kept_message to keyturn_worker`,
];
