import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the roles of programs write is of a form that all programs can read, and no message is taken for kept that is not:
 * so one row stops neither the lists of everybody nor what was acknowledged.
 */
export class CheckedRows1765050000000 implements MigrationInterface {
  readonly name = 'CheckedRows1765050000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...ROWS, KEEP]) await runner.query(statement);
  }

  /** Without it, one row could stop the lists of everybody again. */
  async down(): Promise<void> {
    throw new Error('The migration of checked rows cannot be undone: it forbids what was possible.');
  }
}

const STATUSES = [
  'planning',
  'pending',
  'approved',
  'executing',
  'succeeded',
  'failed',
  'indeterminate',
  'active',
  'revoked',
  'denied',
  'expired',
  'cancelled',
];

const INSTANTS = [
  'updated_at',
  'created_at',
  'pending_since',
  'first_pending_at',
  'expires_at',
  'held_until',
];

const LISTS = ['risk_reasons', 'matched_rules', 'shortage'];

/** Instants that every program can write with four digits of years. A row of before is held to it when it is changed. */
const ROWS = [
  `alter table keyturn.request add constraint request_status
     check (status in (${STATUSES.map((status) => `'${status}'`).join(', ')})) not valid`,
  ...INSTANTS.map(
    (column) => `alter table keyturn.request add constraint request_${column}
     check (${column} between '0001-01-01T00:00:00Z' and '9999-12-31T00:00:00Z') not valid`,
  ),
  ...LISTS.map(
    (column) => `alter table keyturn.request add constraint request_${column}
     check (jsonb_typeof(${column}) = 'array') not valid`,
  ),
  `alter table keyturn.request add constraint request_requirement
     check (requirement is null or coalesce(jsonb_typeof(requirement -> 'rules') = 'array', false)) not valid`,
];

/** More of them wait for one request only where somebody sends without end. */
const OPEN_MAX = 200;

/** A decision with the longest reason, sealed and signed, has less. */
const ENVELOPE_BYTES_MAX = 65_536;

/** As before, but true only when this very message is kept, and bounded in what all of them hold. */
const KEEP = `
  create or replace function keyturn.keep_message(message text, of_request text, of_kind text, signed text)
  returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform pg_advisory_xact_lock(hashtextextended('kept:' || of_request, 0));
    if octet_length(signed) > ${ENVELOPE_BYTES_MAX} or (select count(*) from keyturn.kept_message open
        where open.request = of_request and open.consumed_at is null) >= ${OPEN_MAX} then
      return false;
    end if;
    insert into keyturn.kept_message (id, request, kind, envelope)
      values (message, of_request, of_kind, signed) on conflict (id) do nothing;
    return exists (select from keyturn.kept_message known where known.id = message
      and known.request = of_request and known.kind = of_kind and known.envelope = signed);
  end $$`;
