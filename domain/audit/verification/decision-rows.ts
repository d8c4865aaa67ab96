import { counted } from '../../cards/counted.ts';
import type { Leaf, LeafType } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { SignedDecision } from '../../crypto/envelope.ts';
import { isSameIdentity } from '../../identity/identity.ts';
import { signedDecisionIn } from './envelopes.ts';
import { nameOf } from './evidence.ts';
import { notInEvidence, wrongOf, type Finding, type Subject } from './finding.ts';
import type { ShownDecision } from '../../../contract/evidence.ts';

const RECORDED: ReadonlySet<LeafType> = new Set([
  'decision.counted',
  'decision.deferred',
  'decision.taken_back',
  'decision.refused',
]);

/** What people are shown of each decision is what was signed and what its entry says, and no other is shown. */
export function decisionRowsMatch(subject: Subject): Finding {
  const rows = subject.material.evidence.state?.decisions;
  if (!rows) return notInEvidence('the rows of decisions are not in the evidence');
  const leaves = subject.material.stream.filter(({ type }) => RECORDED.has(type));
  const found = rows.map((row) => differences(subject, row, leafOf(leaves, row)));
  const hidden = leaves
    .filter((leaf) => !rows.some((row) => leafOf([leaf], row)))
    .map((leaf) => `the decision of ${nameOf(leaf)} is not shown`);
  return {
    problems: [...found.flatMap(({ problems }) => problems), ...hidden],
    notShown: found.flatMap(({ notShown }) => notShown),
    checked: counted(rows.length, 'row'),
  };
}

function leafOf(leaves: readonly Leaf[], { id }: ShownDecision): Leaf | undefined {
  return leaves.find(({ facts }) => facts['decision'] === id);
}

type Differences = Required<Pick<Finding, 'problems' | 'notShown'>>;

function differences(subject: Subject, row: ShownDecision, leaf: Leaf | undefined): Differences {
  const signed = leaf && signedDecisionIn(subject.envelopes, leaf);
  if (!leaf) return { problems: [`${row.id} is in no entry`], notShown: [] };
  if (!signed) return { problems: [`${row.id} was signed by nobody`], notShown: [] };
  const person = personIn(subject, leaf);
  const isOther = person !== undefined && person !== row.person;
  const wrong = [...unsigned(row, signed), ...unrecorded(row, leaf), ...(isOther ? ['person'] : [])];
  return {
    problems: wrong.map((field) => `${row.id}: ${field} is not what was signed or recorded`),
    notShown: person === undefined ? [`${row.id}: the person behind its pseudonym is erased`] : [],
  };
}

/** Null of a refused one, which counts for nobody; undefined where the evidence does not say. */
function personIn({ material }: Subject, leaf: Leaf): string | null | undefined {
  if (leaf.type === 'decision.refused') return null;
  const { person } = leaf.facts;
  return typeof person === 'string' ? material.evidence.inputs?.people[person] : undefined;
}

function unsigned(row: ShownDecision, signed: SignedDecision): string[] {
  return wrongOf([
    ['verdict', row.verdict === signed.verdict],
    ['takes_back', row.takes_back === (signed.takes_back ?? null)],
    ['channel', row.channel === signed.channel],
    ['grade', row.grade === signed.grade],
    ['reviewer', isSameIdentity(row.reviewer, signed.reviewer)],
    ['reason', row.reason === signed.reason],
    ['defer_until', isSameInstant(row.defer_until, signed.defer?.until ?? null)],
    ['defer_to', row.defer_to === (signed.defer?.to ?? null)],
    // A ticket is dated by its use.
    ['at', signed.ticket_expires_at !== null || isSameInstant(row.at, signed.issued_at)],
  ]);
}

function unrecorded(row: ShownDecision, { type, facts }: Leaf): string[] {
  const isRefused = type === 'decision.refused';
  const seats = isRefused ? [] : facts['seats'];
  return wrongOf([
    ['outcome', row.outcome === (isRefused ? 'refused' : 'counted')],
    ['refusal', row.refusal === (isRefused ? facts['code'] : null)],
    ['round', row.round === facts['round']],
    ['seats', canonicalJson(row.seats) === canonicalJson(seats ?? null)],
    ['at', isRefused || row.at === facts['at']],
  ]);
}

function isSameInstant(one: string | null, other: string | null): boolean {
  return one === other || (one !== null && other !== null && Date.parse(one) === Date.parse(other));
}
