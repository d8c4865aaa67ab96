import type { Leaf } from '../leaf.ts';
import { APPROVED, ENDED, type RequestStatus } from '../../request/status.ts';
import { lastStanding, statusAfter } from './course.ts';
import { nameOf, opensRound, type Material } from './evidence.ts';
import { notInEvidence, wrongOf, type Finding, type Subject } from './finding.ts';

/** What the database says of the request is what its log ends with: nothing was cut off, and no status set by hand. */
export function stateMatches({ material }: Subject): Finding {
  const { state } = material.evidence;
  const last = lastStanding(material);
  if (!state) return notInEvidence('the state of the request is not in the evidence');
  if (!last) return { problems: ['no entry says how the request stands'], checked: '' };
  const expected = statusAfter(last);
  return {
    problems: [
      ...(state.status === expected
        ? []
        : [`the request is ${state.status}, but ${nameOf(last)} ends its log`]),
      ...deniedOtherwise(state.denied_by, last),
      ...roundProblems(material),
    ],
    checked: `the request is ${state.status}, as ${nameOf(last)} says`,
  };
}

function deniedOtherwise(deniedBy: string | null, last: Leaf): string[] {
  if (last.type !== 'request.denied' || last.facts['by'] === deniedBy) return [];
  return [`${nameOf(last)} was denied by another than the request says`];
}

/** The request is in the last round; while that counts, about its digest and plan. */
function roundProblems({ stream, evidence: { state } }: Material): string[] {
  const round = stream.findLast(opensRound);
  if (!state) return [];
  if (state.round !== (round?.facts['round'] ?? 0))
    return [`the request is in round ${state.round}, which no entry opened last`];
  if (!round || !IN_ROUND.includes(state.status)) return [];
  return wrongOf([
    ['decision digest', state.decision_digest === round.decision_digest],
    ['plan', state.plan_digest === round.facts['plan_digest']],
  ]).map((what) => `the request has another ${what} than ${nameOf(round)}`);
}

const IN_ROUND: readonly RequestStatus[] = ['pending', ...APPROVED];

interface Claim {
  readonly leaf: Leaf;
  readonly state: string;
}

/** The state that an entry leaves its claim in; undefined for one that is about none. */
function claimStateAfter({ type }: Leaf): string | undefined {
  return /^execution\.(.*)$/.exec(type)?.[1];
}

/**
 * No request ends while a claim of it is open, every outcome belongs to a claim, and the claims that the database holds
 * are those of the log.
 */
export function claimsClosed({ material }: Subject): Finding {
  const claims = claimsOf(material.stream);
  const last = lastStanding(material);
  const hasEnded = last !== undefined && (ENDED as readonly unknown[]).includes(statusAfter(last));
  const open = hasEnded
    ? [...claims.values()]
        .filter(({ state }) => state === 'claimed')
        .map(({ leaf }) => `${nameOf(leaf)} is still open, but the request ended`)
    : [];
  return {
    problems: [...open, ...unclaimed(material.stream, claims), ...otherClaims(material, claims)],
    ...(material.evidence.state
      ? {}
      : { notShown: ['the claims that the database holds are not in the evidence'] }),
    checked: claims.size === 0 ? 'never claimed' : `${claims.size} settled as recorded`,
  };
}

function claimsOf(stream: readonly Leaf[]): ReadonlyMap<unknown, Claim> {
  const claims = new Map<unknown, Claim>();
  for (const leaf of stream) {
    const state = claimStateAfter(leaf);
    const attempt = leaf.facts['attempt'];
    const known = claims.get(attempt);
    if (state === 'claimed') claims.set(attempt, { leaf, state });
    else if (state && known) claims.set(attempt, { ...known, state });
  }
  return claims;
}

/** An execution that was refused before it was claimed has no attempt. */
function unclaimed(stream: readonly Leaf[], claims: ReadonlyMap<unknown, Claim>): string[] {
  return stream
    .filter((leaf) => claimStateAfter(leaf) && !claims.has(leaf.facts['attempt']))
    .filter((leaf) => leaf.type !== 'execution.failed' || leaf.facts['attempt'] !== undefined)
    .map((leaf) => `${nameOf(leaf)} is the outcome of nothing that was claimed`);
}

function otherClaims({ evidence: { state } }: Material, claims: ReadonlyMap<unknown, Claim>): string[] {
  if (!state) return [];
  const stored = new Map(state.executions.map((execution) => [execution.attempt, execution]));
  const missing = [...claims.values()].flatMap(({ leaf, state: recorded }) => {
    const execution = stored.get(Number(leaf.facts['attempt']));
    const isSame =
      execution?.state === recorded &&
      execution.idempotency_key === leaf.facts['idempotency_key'] &&
      execution.decision_digest === leaf.decision_digest;
    return isSame ? [] : [`${nameOf(leaf)} ends as ${recorded}, but the database says otherwise`];
  });
  const repeated = stored.size === state.executions.length ? [] : ['the database holds an attempt twice'];
  const added = [...stored.keys()].filter((attempt) => !claims.has(attempt));
  return [
    ...missing,
    ...repeated,
    ...added.map((attempt) => `the claim ${attempt} of the database is in no entry`),
  ];
}
