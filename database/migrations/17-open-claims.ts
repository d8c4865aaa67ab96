import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The second wall behind the steps: whatever program writes, a request does not leave `executing` while a claim on it is
 * open, no claim is open on a request that is not executing, and what is over stays over.
 */
export class OpenClaims1764830000000 implements MigrationInterface {
  readonly name = 'OpenClaims1764830000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...REQUESTS, ...CLAIMS, PRIVATE]) await runner.query(statement);
  }

  /** Without it a request could end while its action is being executed. */
  async down(): Promise<void> {
    throw new Error('The migration of open claims cannot be undone: outcomes could be hidden again.');
  }
}

const SAFE = 'set search_path = pg_catalog, pg_temp';

const REQUESTS = [
  `create function keyturn.refuse_hidden_outcome() returns trigger language plpgsql ${SAFE} as $$
   begin
     if old.status in ('succeeded', 'failed', 'revoked', 'denied', 'expired', 'cancelled') then
       raise exception 'a request that is over does not move' using errcode = 'KT002';
     end if;
     if old.status = 'executing' and exists (
         select 1 from keyturn.execution claim where claim.request = old.id and claim.state = 'claimed') then
       raise exception 'a request does not leave executing while a claim is open' using errcode = 'KT002';
     end if;
     return new;
   end $$`,
  `create trigger request_outcome before update of status on keyturn.request
     for each row when (old.status is distinct from new.status) execute function keyturn.refuse_hidden_outcome()`,
  `alter table keyturn.request enable always trigger request_outcome`,
];

const CLAIMS = [
  `create function keyturn.refuse_stray_claim() returns trigger language plpgsql ${SAFE} as $$
   begin
     if not exists (select 1 from keyturn.request held where held.id = new.request and held.status = 'executing')
     then
       raise exception 'a claim is open on executing requests only' using errcode = 'KT002';
     end if;
     return null;
   end $$`,
  // At the end of the transaction: the step that claims writes the request last.
  `create constraint trigger execution_claimed after insert or update of state on keyturn.execution
     deferrable initially deferred for each row when (new.state = 'claimed')
     execute function keyturn.refuse_stray_claim()`,
  `alter table keyturn.execution enable always trigger execution_claimed`,
];

const PRIVATE =
  'revoke execute on function keyturn.refuse_hidden_outcome, keyturn.refuse_stray_claim from public';
