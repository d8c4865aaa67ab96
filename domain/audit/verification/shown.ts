import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { SignedRequest } from '../../crypto/envelope.ts';
import { isSameIdentity } from '../../identity/identity.ts';
import { targetOf } from '../../policy/policy.ts';
import { failureIn, resultIn, summaryIn, type RowSources } from './outcome.ts';
import { selectorsFault } from './selectors.ts';
import { lastStanding } from './course.ts';
import { arrivalOf, arrivedRequestOf } from './envelopes.ts';
import { opensRound, type Material, type PendingLeaf } from './evidence.ts';
import { notInEvidence, wrongOf, type Finding, type Subject } from './finding.ts';
import { policyNamed } from './inputs.ts';
import type { ShownRow } from '../../../contract/evidence.ts';

/**
 * What people are shown of the request beside its plan is what was signed, what the entry of its round asks, and what the
 * entry of its end says.
 */
export function shownAsRecorded(subject: Subject): Finding {
  const { material } = subject;
  const row = material.evidence.state?.row;
  if (!row) return notInEvidence('the row of the request is not in the evidence');
  const [arrival, signed] = [arrivalOf(material), arrivedRequestOf(subject)];
  if (!arrival || !signed) return { problems: ['nothing signed says what is shown'], checked: '' };
  const fields = Object.entries(fieldsOf({ subject, arrival, signed, row }));
  const selectors = selectorsFault(material, row);
  return {
    problems: [
      ...wrongOf(fields).map((field) => `${field} is not what was signed or recorded`),
      ...(selectors === null ? [] : [selectors]),
    ],
    notShown: wrongOf(fields, null).map(
      (field) => `what ${field} is compared with is erased or not in the evidence`,
    ),
    checked: counted(fields.length, 'field'),
  };
}

interface Shown {
  readonly subject: Subject;
  readonly arrival: Leaf;
  readonly signed: SignedRequest;
  readonly row: ShownRow;
}

/** Whether each field is right; null where the evidence does not say. */
type Fields = Readonly<Record<string, boolean | null>>;

function fieldsOf(shown: Shown): Fields {
  const { subject, arrival, row } = shown;
  const sources: RowSources = {
    material: subject.material,
    ending: lastStanding(subject.material),
    opened: subject.material.stream.findLast(opensRound),
  };
  const isOnTheSpot = arrival.type === 'gate.allowed';
  return {
    ...signedFields(shown),
    ...(isOnTheSpot ? answeredFields(arrival, row) : roundFields(sources, row)),
  };
}

function signedFields({ subject, arrival, signed, row }: Shown): Fields {
  const [requester] = signed.lineage;
  const policy = policyNamed(subject.material, signed.policy_digest);
  // An answer on the spot is dated by when it was given.
  const createdAt = arrival.type === 'gate.allowed' ? arrival.at : signed.issued_at;
  return {
    action: row.action === signed.action,
    schema_version: row.schema_version === signed.schema_version,
    target: row.target === signed.target,
    mode: row.mode === signed.mode,
    intent_digest: row.intent_digest === signed.intent_digest,
    lineage: isSame(row.lineage, signed.lineage),
    requested_by: requester !== undefined && isSameIdentity(row.requested_by, requester),
    creation_policy: row.creation_policy === signed.policy_digest,
    created_at: Date.parse(row.created_at) === Date.parse(createdAt),
    environment: policy ? row.environment === (targetOf(policy, signed.target)?.environment ?? '') : null,
  };
}

function answeredFields({ facts }: Leaf, row: ShownRow): Fields {
  const result = {
    decision: 'allowed',
    performed_by_keyturn: false,
    valid_until: facts['valid_until'] ?? null,
  };
  return {
    risk: row.risk === facts['risk'],
    matched_rules: isSame(row.matched_rules, idsIn(facts['rules'])),
    result: isSame(row.result, result),
    failure: row.failure === null,
  };
}

function idsIn(rules: unknown): unknown {
  return Array.isArray(rules) ? rules.map((rule: { readonly id?: unknown }) => rule.id ?? null) : null;
}

function roundFields(sources: RowSources, row: ShownRow): Fields {
  const { material, opened } = sources;
  const facts = opened?.facts ?? {};
  return {
    risk: row.risk === (facts['risk'] ?? null),
    risk_reasons: isSame(row.risk_reasons, facts['risk_reasons'] ?? null),
    matched_rules: isSame(row.matched_rules, rulesIn(material)),
    is_break_glass: row.is_break_glass === (facts['is_break_glass'] ?? false),
    summary: summaryIn(sources, row),
    ...pendingFields(material.pendings.at(-1), row),
    held_until: isHold(material, row),
    result: resultIn(sources, row),
    failure: failureIn(sources, row),
  };
}

function pendingFields(pending: PendingLeaf | undefined, row: ShownRow): Fields {
  return {
    requirement: isSame(row.requirement, pending?.leaf.facts['requirement'] ?? null),
    pending_since: row.pending_since === (pending?.pending_since ?? null),
    expires_at: row.expires_at === (pending?.expires_at ?? null),
  };
}

/** Of the last evaluation that an entry names the rules of. */
function rulesIn({ stream }: Material): unknown {
  return stream.findLast(({ facts }) => facts['matched_rules'] !== undefined)?.facts['matched_rules'] ?? null;
}

/** The last hold of the request, or none; as long as it is approved and held, no other. */
function isHold({ stream, evidence: { state } }: Material, { held_until: until }: ShownRow): boolean {
  const last = stream.findLast(({ type }) => type === 'request.held');
  if (until !== null) return until === last?.facts['until'];
  const approved = stream.findLast(({ type }) => type === 'request.approved' || type === 'request.allowed');
  return state?.status !== 'approved' || last === undefined || last.n < (approved?.n ?? 0);
}

function isSame(shown: unknown, recorded: unknown): boolean {
  return canonicalJson(shown) === canonicalJson(recorded);
}
