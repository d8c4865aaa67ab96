import type { EntityManager } from 'typeorm';

import { isNamedBy } from '../domain/audit/verification/inputs.ts';
import type { GoverningStream, StreamState } from '../contract/streams.ts';
import { columnOf, valueOf } from './rows.ts';

/** Entries of a stream from a number on, oldest first. */
export async function readStream(
  manager: EntityManager,
  stream: GoverningStream,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<readonly string[]> {
  const text =
    'select leaf from audit.entry where request = $1 and run_id = $1 and n >= $2 order by n limit $3';
  return columnOf(manager, text, [stream, from, limit]);
}

/** What the database says beside a stream. */
export async function readStreamState(manager: EntityManager, stream: GoverningStream): Promise<StreamState> {
  const state = (await valueOf<StreamState>(manager, `select ${STATES[stream]}`)) ?? {};
  return stream === 'policy' ? { ...state, policy_sets: await readSets(manager) } : state;
}

/** One at a time: all of them may be large. */
async function readSets(manager: EntityManager): Promise<NonNullable<StreamState['policy_sets']>> {
  const sets: { digest: string; is_intact: boolean }[] = [];
  for (const digest of await columnOf<string>(manager, 'select digest from keyturn.policy_set')) {
    const body = await valueOf(manager, 'select body from keyturn.policy_set where digest = $1', [digest]);
    sets.push({ digest, is_intact: isNamedBy(digest, body) });
  }
  return sets;
}

const STATES: Readonly<Record<GoverningStream, string>> = {
  policy: `json_build_object('policy', (select json_build_object('digest', digest, 'generation', generation)
    from keyturn.policy_active))`,
  // By what their text says, not by the name that stands beside it.
  proposals: `json_build_object('proposals', (select coalesce(json_agg(
      'sha256:' || encode(sha256(convert_to(body, 'UTF8')), 'hex') order by proposed_at), '[]')
    from keyturn.policy_candidate))`,
  switches: `json_build_object('switches', (select coalesce(
      json_agg(json_build_object('id', id, 'is_engaged', lifted_at is null,
        'scope', json_build_object('kind', scope_kind, 'value', scope_value), 'account', account,
        'reason', reason, 'thrown_at', thrown_at, 'salts', coalesce(salts, '{}')) order by thrown_at, id), '[]')
    from keyturn.kill_switch left join (
      select leaf::jsonb -> 'facts' ->> 'switch' as id, jsonb_object_agg(part, salt) as salts
      from audit.entry join audit.payload using (event_id)
      where request = 'switches' and type = 'switch.thrown' group by 1) thrown using (id)))`,
  directory: `json_build_object('links', (select coalesce(json_agg(json_build_object(
      'id', id, 'row_digest', keyturn.account_link_digest(salt, issuer, subject, person),
      'is_removed', unlinked_at is not null,
      'is_held', exists (select from keyturn.account held where held.valid_to is null and held.authority = 'links'
        and (held.issuer, held.subject, held.person) = (link.issuer, link.subject, link.person)
        and held.valid_from = link.linked_at)) order by linked_at, id), '[]')
    from keyturn.account_link link))`,
  sessions: `json_build_object('sessions', (select coalesce(json_agg(json_build_object(
      'id', id, 'expires_at', expires_at, 'is_ended', ended_at is not null) order by began_at, id), '[]')
    from keyturn.session))`,
  keys: `json_build_object('keys', (select coalesce(json_agg(json_build_object(
      'id', id, 'expires_at', expires_at, 'actions', actions, 'targets', targets,
      'row_digest', 'sha256:' || encode(sha256(convert_to(
        concat_ws(E'\\n', digest, agent, created_by), 'UTF8')), 'hex'),
      'is_revoked', revoked_at is not null) order by created_at, id), '[]')
    from keyturn.api_key))`,
  passkeys: `json_build_object('passkeys', (select coalesce(json_agg(json_build_object(
      'id', id, 'credential', credential, 'public_key', public_key, 'rp_id', rp_id, 'origin', origin,
      'row_digest', keyturn.passkey_digest(salt, credential, person, how),
      'is_revoked', revoked_at is not null) order by made_at, id), '[]')
    from keyturn.passkey))`,
};
