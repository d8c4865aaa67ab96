import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Policies that somebody proposed, and which execution of a request activated which. */
export class PolicyCandidates1764600000000 implements MigrationInterface {
  readonly name = 'PolicyCandidates1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, LOCK, PROPOSE, ...GRANTS]) await runner.query(statement);
  }

  /** Without the keys an activation whose outcome is unknown could happen a second time. */
  async down(): Promise<void> {
    throw new Error('The migration of policy candidates cannot be undone: it holds what was activated.');
  }
}

const TABLES = [
  // The canonical text, so that the database itself can check that the digest is its digest.
  `create table keyturn.policy_candidate (
     digest text primary key, body text not null check (octet_length(body) <= 1048576),
     proposed_at timestamptz not null, person text not null, issuer text not null, subject text not null,
     check (digest = 'sha256:' || encode(sha256(convert_to(body, 'UTF8')), 'hex')))`,
  // Without a digest: nothing was activated with this key, and never will be.
  `create table keyturn.policy_activation (
     idempotency_key text primary key, request text not null, digest text, generation bigint,
     at timestamptz not null, check ((digest is null) = (generation is null)))`,
];

/** One proposal at a time, since each entry follows from the last one, which is what this gives. */
const LOCK = `
  create function keyturn.lock_policy_proposals()
  returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform pg_advisory_xact_lock(hashtextextended('keyturn.policy_candidate', 0));
    return (select entry.leaf from audit.entry
      where entry.request = 'proposals' and entry.run_id = 'proposals' order by entry.n desc limit 1);
  end $$`;

/**
 * Keeps a candidate with its entry. False when it is kept already: who proposed it first stays the one who did. The entry
 * is checked, so whoever has the role of the API can record nothing else this way.
 */
const PROPOSE = `
  create function keyturn.propose_policy(candidate jsonb, entry jsonb, subjects jsonb)
  returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    leaf text := entry ->> 'leaf';
    body jsonb := leaf::jsonb;
    last jsonb; last_leaf text := keyturn.lock_policy_proposals();
  begin
    insert into keyturn.policy_candidate (digest, body, proposed_at, person, issuer, subject)
      values (candidate ->> 'digest', candidate ->> 'body', (candidate ->> 'at')::timestamptz,
        candidate ->> 'person', candidate ->> 'issuer', candidate ->> 'subject')
      on conflict (digest) do nothing;
    if not found then return false; end if;
    last := last_leaf::jsonb;
    if body -> 'stream' is distinct from '{"request": "proposals", "run": "proposals"}'::jsonb
      or body ->> 'type' is distinct from 'policy.proposed'
      or body -> 'facts' ->> 'digest' is distinct from candidate ->> 'digest'
      or body -> 'actor' ->> 'kind' is distinct from 'person'
      or (body ->> 'n')::int is distinct from coalesce((last ->> 'n')::int + 1, 0)
      or body ->> 'prev' is distinct from
        'sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex') then
      raise exception 'not the next entry about this candidate';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
    return true;
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.lock_policy_proposals, keyturn.propose_policy from public`,
  `grant execute on function keyturn.lock_policy_proposals, keyturn.propose_policy to keyturn_api`,
  `grant select on keyturn.policy_candidate to keyturn_worker, keyturn_api`,
  `grant select, insert on keyturn.policy_activation to keyturn_worker`,
  `grant select on keyturn.policy_activation to keyturn_api`,
];
