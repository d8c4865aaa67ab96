import type { Evidence } from '../../../../domain/audit/verification/verify.ts';
import type { SignedDecision } from '../../../../domain/crypto/envelope.ts';
import { ISSUER, INTENT, LINEAGE, minute, PLAN_BODY, POLICY_DIGEST } from './policy.ts';
import type { Story } from './story.ts';
import { TARGET } from '../../examples.ts';

/** The rows of the database as they follow from a story: what people are shown of it. */

type State = NonNullable<Evidence['state']>;
type Draft = Story['entries'][number]['draft'];

export function rowOf({ entries }: Story, status: State['status']): Row {
  const drafts = entries.filter(({ run }) => run === 'run-1').map(({ draft }) => draft);
  return {
    ...SIGNED,
    ...roundOf(drafts),
    held_until: null,
    open_selectors: status === 'pending' ? ['group:dba'] : [],
    result: null,
    failure: failureOf(drafts),
  };
}

type Row = NonNullable<State['row']>;

const SIGNED = {
  action: 'postgres.execute',
  schema_version: 1,
  target: 'shop',
  environment: TARGET.environment,
  mode: 'execute',
  intent_digest: INTENT,
  lineage: LINEAGE.map((member) => ({ ...member })),
  requested_by: { issuer: ISSUER, subject: 'agent' },
  creation_policy: POLICY_DIGEST,
  created_at: minute(0),
  is_break_glass: false,
};

function roundOf(
  drafts: readonly Draft[],
): Omit<Row, keyof typeof SIGNED | 'held_until' | 'open_selectors' | 'result' | 'failure'> {
  const opened = drafts.findLast(({ type }) => type === 'request.pending' || type === 'request.allowed');
  const asked = drafts.findLast(({ type }) => type === 'request.pending')?.facts ?? {};
  const named = drafts.findLast(({ facts }) => facts['matched_rules'] !== undefined)?.facts;
  return {
    risk: textOr(opened?.facts['risk']),
    risk_reasons: textsOr(opened?.facts['risk_reasons']),
    matched_rules: textsOr(named?.['matched_rules']),
    summary: opened ? PLAN_BODY.summary : null,
    requirement: plain(asked['requirement']),
    pending_since: textOr(asked['pending_since']),
    expires_at: textOr(asked['expires_at']),
  };
}

function textsOr(value: unknown): string[] | null {
  return Array.isArray(value) ? value.map(String) : null;
}

function plain(value: unknown): NonNullable<State['row']>['result'] {
  return JSON.parse(JSON.stringify(value ?? null)) as NonNullable<State['row']>['result'];
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

const CODES: Readonly<Record<string, string | null>> = {
  'request.orphaned': 'workflow_lost',
  'execution.indeterminate': 'outcome_unknown',
  'request.denied': null,
  'request.expired': null,
  'execution.failed': null,
};

function failureOf(drafts: readonly Draft[]): Row['failure'] {
  const ending = drafts.findLast(({ type }) => type in CODES || type === 'execution.succeeded');
  const code = ending && (CODES[ending.type] ?? ending.facts['code']);
  return typeof code === 'string' ? { code, detail: '' } : null;
}

/** One row for each signed decision that an entry names. */
export function decisionRowsOf({ entries, envelopes }: Story): NonNullable<State['decisions']> {
  const signed = new Map(
    envelopes
      .map((envelope) => JSON.parse(Buffer.from(envelope.split('.')[1] ?? '', 'base64url').toString()))
      .filter(({ kind }: { readonly kind: string }) => kind === 'decision')
      .map((decision: SignedDecision) => [decision.id, decision]),
  );
  return entries.flatMap(({ draft }) => {
    const decision = signed.get(String(draft.facts['decision']));
    return decision ? [{ ...signedPart(decision), ...recordedPart(draft, decision) }] : [];
  });
}

type DecisionRow = NonNullable<State['decisions']>[number];
type Recorded = Pick<DecisionRow, 'round' | 'person' | 'at' | 'seats' | 'outcome' | 'refusal'>;

function signedPart(decision: SignedDecision): Omit<DecisionRow, keyof Recorded> {
  return {
    id: decision.id,
    verdict: decision.verdict,
    takes_back: decision.takes_back ?? null,
    grade: decision.grade,
    reviewer: { ...decision.reviewer },
    channel: decision.channel,
    reason: decision.reason,
    defer_until: decision.defer?.until ?? null,
    defer_to: decision.defer?.to ?? null,
  };
}

function recordedPart({ type, facts }: Draft, decision: SignedDecision): Recorded {
  const at = textOr(facts['at']) ?? decision.issued_at;
  const round = Number(facts['round']);
  if (type === 'decision.refused')
    return { round, at, person: null, seats: [], outcome: 'refused', refusal: textOr(facts['code']) };
  const person = textOr(facts['person'])?.replace('per_', '') ?? null;
  return { round, at, person, seats: plain(facts['seats']), outcome: 'counted', refusal: null };
}
