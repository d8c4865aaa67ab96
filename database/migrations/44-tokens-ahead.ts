import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A token that is issued ahead of the database's clock is refused by a code that tells it from a fault. */
export class TokensAhead1765100000000 implements MigrationInterface {
  readonly name = 'TokensAhead1765100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(KEEP_CLAIMS);
  }

  async down(): Promise<void> {
    throw new Error('The migration of tokens that are ahead cannot be undone.');
  }
}

/** As before, but for the code. */
const KEEP_CLAIMS = `
  create or replace function keyturn.keep_claims(seen jsonb, instant timestamptz) returns boolean
  language plpgsql set search_path = pg_catalog, pg_temp as $$
  declare
    known keyturn.claims_seen;
    issued timestamptz := to_timestamp((seen ->> 'issued_at')::double precision);
    digest text := seen ->> 'claim_digest';
    listing text[] := array(select jsonb_array_elements_text(seen -> 'listed'));
  begin
    if issued > instant + interval '1 minute' then
      raise exception 'the token is issued ahead of the clock' using errcode = 'KT005';
    end if;
    if cardinality(listing) > 200 then
      raise exception 'not what a token can say';
    end if;
    select * into known from keyturn.claims_seen one
      where (one.issuer, one.subject) = (seen ->> 'issuer', seen ->> 'subject');
    if known.issued_at > issued then
      return false;
    end if;
    if known.issued_at = issued and known.claim_digest is distinct from digest then
      digest := null;
      listing := array(select unnest(listing) intersect select unnest(known.listed));
    end if;
    insert into keyturn.claims_seen (issuer, subject, person, issued_at, claim_digest, listed, seen_at)
      values (seen ->> 'issuer', seen ->> 'subject', seen ->> 'person', issued, digest, listing, instant)
      on conflict (issuer, subject) do update set person = excluded.person, issued_at = excluded.issued_at,
        claim_digest = excluded.claim_digest, listed = excluded.listed, seen_at = excluded.seen_at;
    return true;
  end $$`;
