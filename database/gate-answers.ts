import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { KillSwitch } from '../domain/execution/kill-switch.ts';
import type { HistoryFacts } from '../domain/policy/built-in-facts.ts';
import type { RiskTier } from '../domain/request/requirement.ts';
import { SWITCHES_ON, switchesFrom } from './kill-switches.ts';
import {
  HISTORY_QUERY,
  historyFrom,
  historyValues,
  type FactsSubject,
  type HistoryRow,
} from './counted-facts.ts';
import { queryPrepared, type PreparedQuery } from './prepared.ts';
import { REQUEST } from './readers.ts';
import { firstRow, hasRows, valueOf } from './rows.ts';
import type { MatchedRule, RequestRow } from './tables.ts';

/** What was allowed on the spot. Written once, by the API, together with its audit entry. */
export interface GateAnswer {
  readonly request: string;
  readonly schema_version: number;
  readonly intent_digest: string;
  readonly at: Date;
  readonly requester_issuer: string;
  readonly requester_subject: string;
  readonly policy_digest: string;
  /** The signed request. */
  readonly envelope: string;
  readonly risk: RiskTier;
  readonly risk_reasons: readonly string[];
  readonly matched_rules: readonly MatchedRule[];
  readonly valid_until: Date;
}

/** The way that a key of a gate request went: it was answered, or it belongs to a workflow. */
export type GateKey =
  { readonly verdict: 'allowed'; readonly answer: GateAnswer } | ({ readonly verdict: 'workflow' } & Intent);

type Intent = Pick<GateAnswer, 'schema_version' | 'intent_digest'>;

/** What is known before a gate request is evaluated. */
export interface GateSnapshot {
  /** Null for a key that has not gone either way. */
  readonly key: GateKey | null;
  /** The key belongs to a request of another mode. */
  readonly isUsedOtherwise: boolean;
  readonly history: HistoryFacts;
  /** The kill switches that are on. */
  readonly switches: readonly KillSwitch[];
}

/** As JSON, so instants are text. */
type AnswerRow = Omit<GateAnswer, 'at' | 'valid_until'> & {
  readonly verdict: GateKey['verdict'];
  readonly at: string;
  readonly valid_until: string;
};

interface SnapshotRow extends HistoryRow {
  readonly answer: AnswerRow | null;
  readonly is_used_otherwise: boolean;
  readonly switches: Parameters<typeof switchesFrom>[0];
}

const SNAPSHOT: PreparedQuery = {
  name: 'gate-snapshot',
  text: `
    select history.*, (select to_jsonb(answer) from keyturn.gate_answer as answer where request = $5) as answer,
           exists (select 1 from keyturn.request where id = $6) as is_used_otherwise, ${SWITCHES_ON} as switches
    from (${HISTORY_QUERY}) as history`,
};

/**
 * The way a key went, the requester's past and the kill switches: in one query, since every gate request needs them.
 * `otherId` is the id that the key has for requests of other modes.
 */
export async function readGateSnapshot(
  manager: EntityManager,
  subject: FactsSubject & { readonly otherId: string },
): Promise<GateSnapshot> {
  const [row] = await queryPrepared<SnapshotRow>(manager, SNAPSHOT, [
    ...historyValues(subject),
    subject.otherId,
  ]);
  return {
    key: row?.answer ? keyOf(row.answer) : null,
    isUsedOtherwise: row?.is_used_otherwise ?? false,
    history: historyFrom(row),
    switches: switchesFrom(row?.switches ?? []),
  };
}

/** What is known before a request of another mode is checked. */
export interface RequestKey {
  /** The request that was made with the key, or null. */
  readonly row: RequestRow | null;
  /** The key was used for a gate request. */
  readonly isGateKey: boolean;
  readonly switches: readonly KillSwitch[];
}

const KEY: PreparedQuery = {
  name: 'request-key',
  text: `
    select known.*, exists (select from keyturn.gate_answer where request = $2) as is_gate_key,
           ${SWITCHES_ON} as switches
    from (select) as one left join (${REQUEST.text}) as known on true`,
};

/** The same of other requests. `gateId` is the id that the key has for gate requests. */
export async function readRequestKey(
  manager: EntityManager,
  { id, gateId }: { readonly id: string; readonly gateId: string },
): Promise<RequestKey> {
  const [found] = await queryPrepared<KeyRow>(manager, KEY, [id, gateId]);
  if (!found) throw new Error('A statement that always answers a row answered none.');
  const { is_gate_key: isGateKey, switches, ...row } = found;
  return { row: row.id === null ? null : row, isGateKey, switches: switchesFrom(switches) };
}

interface KeyRow extends RequestRow, Pick<SnapshotRow, 'switches'> {
  readonly is_gate_key: boolean;
}

/** What was allowed on the spot under this id, or null. */
export async function readGateAnswer(manager: EntityManager, request: string): Promise<GateAnswer | null> {
  const text = `select to_jsonb(answer) from keyturn.gate_answer as answer where request = $1 and verdict = 'allowed'`;
  const answer = await valueOf<AnswerRow>(manager, text, [request]);
  return answer && answerOf(answer);
}

/** What an answer was evaluated by. When any of it is another one now, nothing is recorded. */
export interface SnapshotReference {
  readonly policy_digest: string;
  readonly directory_generation: string;
  /** Ids of the kill switches that were on. */
  readonly switches: readonly string[];
}

/** An answer with everything that is kept of it. */
export interface GateRecord {
  readonly answer: GateAnswer;
  readonly snapshot: SnapshotReference;
  /** The exact text of the audit entry. */
  readonly leaf: string;
  /** Names behind the pseudonyms of the entry. */
  readonly subjects: Readonly<Record<string, JsonValue>>;
  /** The facts in canonical form. */
  readonly facts: string;
  /** What policy said of them. */
  readonly outcome: unknown;
}

const ALLOW: PreparedQuery = { name: 'gate-allow', text: 'select keyturn.allow_gate($1) as outcome' };

/**
 * Records an answer and everything kept of it, in one statement. False when the key went one of the two ways meanwhile, or
 * policy, directory or kill switches are others than it was evaluated by: then nothing was written.
 */
export async function allowGate(manager: EntityManager, record: GateRecord): Promise<boolean> {
  const [row] = await queryPrepared<{ outcome: string }>(manager, ALLOW, [JSON.stringify(record)]);
  return row?.outcome === 'allowed';
}

/** Holds policy, directory and switches until the transaction ends. Answers false when one is another than this. */
export async function holdSnapshot(manager: EntityManager, snapshot: SnapshotReference): Promise<boolean> {
  const text = 'select where keyturn.gate_hindrance($1) is null';
  return hasRows(manager, text, [JSON.stringify(snapshot)]);
}

/** Gives a key to a workflow, unless it went one of the two ways already. Answers the way it went. */
export async function gateToWorkflow(
  manager: EntityManager,
  { id, schema_version, intent_digest }: { readonly id: string } & Intent,
): Promise<Intent & Pick<GateKey, 'verdict'>> {
  const row = await firstRow<Intent & Pick<GateKey, 'verdict'>>(
    manager,
    'select * from keyturn.gate_to_workflow($1, $2, $3)',
    [id, schema_version, intent_digest],
  );
  if (!row) throw new Error('A function of the database answered nothing.');
  return row;
}

function keyOf(row: AnswerRow): GateKey {
  if (row.verdict === 'allowed') return { verdict: 'allowed', answer: answerOf(row) };
  const { schema_version, intent_digest } = row;
  return { verdict: 'workflow', schema_version, intent_digest };
}

function answerOf(row: AnswerRow): GateAnswer {
  return { ...row, at: new Date(row.at), valid_until: new Date(row.valid_until) };
}
