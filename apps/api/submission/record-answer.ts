import type { EntityManager } from 'typeorm';

import { nextEntry } from '../../../database/audit-entries.ts';
import { allowGate, type GateAnswer, type SnapshotReference } from '../../../database/gate-answers.ts';
import { NO_LEAF, type LeafDraft } from '../../../domain/audit/leaf.ts';
import { pseudonymOf } from '../../../domain/identity/ids.ts';
import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import { allowedForMs, cutAt, GATE_RUN } from '../../../domain/execution/gate-validity.ts';
import type { Evaluation } from '../../../domain/policy/evaluation.ts';
import { storedFacts, type PolicyFacts } from '../../../domain/policy/built-in-facts.ts';
import { startEnd } from '../../../domain/execution/start.ts';
import { recordedOutcome } from '../../../domain/policy/explanation.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { ApiContext } from '../context.ts';
import { signRequest } from './sign.ts';
import type { Checked, Created, CreateSubmission } from './submission.ts';
import { summaryView } from '../requests/summary.ts';
import { rowOfAnswer } from '../requests/answered-row.ts';

/** An answer about to be recorded: the submission, the facts and the evaluation. */
interface AllowedGate extends CreateSubmission, Checked {
  readonly reference: SnapshotReference;
  readonly facts: PolicyFacts;
  readonly evaluation: Evaluation;
}

interface Signed extends AllowedGate {
  /** The pseudonyms of the lineage, in its order: the requester first. */
  readonly pseudonyms: readonly string[];
  readonly signed: SignedRequest;
  readonly answer: GateAnswer;
  /** The facts, as they are stored. */
  readonly facts_text: string;
}

/**
 * Records an allow with its audit entry, its facts and its evaluation, in one transaction. Null when the key was used
 * meanwhile, or another policy is active: then nothing was written.
 */
export async function recordAnswer(
  context: Pick<ApiContext, 'keys' | 'settings'>,
  manager: EntityManager,
  allowed: AllowedGate,
): Promise<Created | null> {
  const signed = await signAnswer(context.keys, allowed);
  const isKept = await allowGate(manager, {
    answer: signed.answer,
    snapshot: allowed.reference,
    leaf: leafOf(signed),
    subjects: subjectsOf(signed),
    facts: signed.facts_text,
    outcome: recordedOutcome(allowed.evaluation, allowed.caller.directory),
  });
  if (!isKept) return null;
  const row = rowOfAnswer(signed.answer, signed.signed, allowed.target.environment);
  return { outcome: 'created', isRecorded: true, row, decisions: [], view: viewOf(context, signed, row) };
}

async function signAnswer(keys: ApiContext['keys'], allowed: AllowedGate): Promise<Signed> {
  const { caller, id, lineage, action, at, evaluation, facts } = allowed;
  const { signed, envelope } = await signRequest(keys, allowed);
  const { identity } = caller.principal;
  const answer: GateAnswer = {
    request: id,
    schema_version: action.schema_version,
    intent_digest: signed.intent_digest,
    at,
    requester_issuer: identity.issuer,
    requester_subject: identity.subject,
    policy_digest: caller.policy.digest,
    envelope,
    risk: evaluation.risk.tier,
    risk_reasons: evaluation.risk.reasons,
    matched_rules: evaluation.rules.map(({ id: rule, source, because }) => ({ id: rule, source, because })),
    valid_until: validUntil(allowed),
  };
  const pseudonyms = lineage.map((member) => pseudonymOf(keys.identity, member));
  return { ...allowed, signed, answer, pseudonyms, facts_text: canonicalJson(storedFacts(facts)) };
}

/** A freeze that begins before also ends the answer. */
function validUntil({ query: { policy }, at, evaluation, facts }: AllowedGate): Date {
  const longest = new Date(at.getTime() + allowedForMs(policy, evaluation)).toISOString();
  return new Date(cutAt(longest, startEnd({ policy, facts, evaluation }, {})));
}

/** The only entry of a stream of its own. */
function leafOf(allowed: Signed): string {
  return nextEntry(draftOf(allowed), {
    id: () => `${allowed.id}/${GATE_RUN}/allow/1`,
    request: allowed.id,
    run: GATE_RUN,
    namespace: '',
    last: NO_LEAF,
  }).text;
}

function draftOf({ caller, answer, signed, evaluation, pseudonyms, ...rest }: Signed): LeafDraft {
  return {
    type: 'gate.allowed',
    at: answer.at.toISOString(),
    actor: {
      pseudonym: pseudonyms[0] ?? '',
      kind: caller.agent ? 'agent' : 'person',
      via: 'api',
    },
    intent_digest: answer.intent_digest,
    decision_digest: null,
    policy_digest: answer.policy_digest,
    facts: {
      action: signed.action,
      schema_version: signed.schema_version,
      target: signed.target,
      mode: signed.mode,
      lineage: rest.lineage.map(({ role }, index) => ({ role, account: pseudonyms[index] ?? '' })),
      rules: evaluation.rules.map(({ id, source }) => ({ id, source })),
      risk: evaluation.risk.tier,
      facts_digest: sha256(rest.facts_text),
      valid_until: answer.valid_until.toISOString(),
    },
    evidence: { grade: 'C', refs: [sha256(answer.envelope)] },
    parts: {},
  };
}

/** Names stand apart from the entry, where they can be erased. */
function subjectsOf({ lineage, pseudonyms }: Signed): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(
    lineage.map(({ issuer, subject }, index) => [pseudonyms[index] ?? '', { issuer, subject }]),
  );
}

/** The requester may see all of the answer, and nothing has to be read for it. */
function viewOf(
  context: Pick<ApiContext, 'settings'>,
  { body, caller }: Signed,
  row: Created['row'],
): RequestView {
  const { arguments: given, claims = null } = body;
  const summary = summaryView(context, caller, { row, standing: null, visibility: 'approved' });
  return { ...summary, arguments: given, claims, decisions: [] };
}
