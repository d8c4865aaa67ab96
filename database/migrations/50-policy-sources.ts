import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The YAML files that a policy was compiled from, beside the compiled set: as they were proposed, and as they were
 * activated. Their text is the canonical JSON of the files by path and of the variables that they read.
 */
export class PolicySources1765160000000 implements MigrationInterface {
  readonly name = 'PolicySources1765160000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...COLUMNS, PROPOSE, ACTIVATE]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('The migration of policy sources cannot be undone: reviewers would lose what they read.');
  }
}

const SAFE = 'set search_path = pg_catalog, pg_temp';

const COLUMNS = [
  // What was proposed without its files cannot be compiled again: it is proposed again.
  'delete from keyturn.policy_candidate',
  `alter table keyturn.policy_candidate
     add column sources text check (octet_length(sources) <= 1048576)`,
  // Null where an earlier version activated it.
  'alter table keyturn.policy_set add column sources text',
];

/** As before, with the files. Whoever proposed a policy first is also the author of what is read of it. */
const PROPOSE = `
  create or replace function keyturn.propose_policy(candidate jsonb, entry jsonb, subjects jsonb)
  returns boolean language plpgsql security definer ${SAFE} as $$
  declare
    leaf text := entry ->> 'leaf';
    body jsonb := leaf::jsonb;
  begin
    perform keyturn.lock_policy_proposals();
    insert into keyturn.policy_candidate (digest, body, sources, proposed_at, person, issuer, subject)
      values (candidate ->> 'digest', candidate ->> 'body', candidate ->> 'sources',
        (candidate ->> 'at')::timestamptz, candidate ->> 'person', candidate ->> 'issuer', candidate ->> 'subject')
      on conflict (digest) do nothing;
    if not found then return false; end if;
    if body ->> 'id' is distinct from 'proposals/' || keyturn.check_leaf(body, 'proposals', 'proposals')
      or body ->> 'type' is distinct from 'policy.proposed'
      or body -> 'facts' ->> 'digest' is distinct from candidate ->> 'digest'
      or body -> 'actor' ->> 'kind' is distinct from 'person' then
      raise exception 'not the next entry about this candidate';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
    return true;
  end $$`;

/** As before, with the files: those of the last activation are the ones that the next change is compared with. */
const ACTIVATE = `
  create or replace function keyturn.activate_policy(installed jsonb, set_text text, leaf text) returns void
  language plpgsql security definer ${SAFE} as $$
  declare
    known keyturn.policy_active; counts jsonb; next bigint;
    facts jsonb := leaf::jsonb -> 'facts';
    set_digest text := 'sha256:' || encode(sha256(convert_to(set_text, 'UTF8')), 'hex');
  begin
    perform pg_advisory_xact_lock(hashtext('keyturn.policy_active'));
    select * into known from keyturn.policy_active for update;
    next := coalesce(known.generation, 0) + 1;
    if known.digest is not null and facts ->> 'recovery' is distinct from 'true'
      and not keyturn.is_publishing(facts ->> 'request', known.digest, set_digest) then
      raise exception 'no request publishes this policy, and nobody recovers by it';
    end if;
    insert into keyturn.policy_set (digest, body, sources, installed_at, installed_by)
      values (set_digest, set_text::jsonb, installed ->> 'sources', (installed ->> 'at')::timestamptz,
        installed ->> 'by')
      on conflict (digest) do update set sources = coalesce(excluded.sources, policy_set.sources);
    insert into keyturn.policy_active (singleton, generation, digest) values (true, next, set_digest)
      on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest;
    counts := keyturn.apply_file_directory(set_text::jsonb -> 'directory', keyturn.next_directory_instant());
    perform keyturn.check_policy_entry(leaf, jsonb_build_object(
      'digest', set_digest, 'generation', next, 'replaces', known.digest, 'directory', counts));
    insert into audit.entry (leaf) values (leaf);
  end $$`;
