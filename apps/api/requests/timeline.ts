import { readLeaves, readParts, readSubjects } from '../../../database/request-list.ts';
import type { DecidedRow } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { Leaf, LeafType } from '../../../domain/audit/leaf.ts';
import { viewText } from '../../../domain/cards/words.ts';
import { signedDecisionSchema } from '../../../domain/crypto/envelope.ts';
import { SWITCHED_OFF } from '../../../domain/execution/denial.ts';
import type { RequestMode } from '../../../domain/request/status.ts';
import { isStartWindowEnd } from '../../../domain/execution/start.ts';
import { seesPlan } from '../../../domain/policy/visibility.ts';
import type { Timeline } from '../../../contract/history.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { namedActor } from './actor.ts';
import { QUESTION_PARTS } from './question-view.ts';
import { rowsAsSigned } from './signed-rows.ts';
import type { Showing } from './view.ts';
import { callerVisibility } from './visibility.ts';

type Item = Timeline['items'][number];

/** What happened, for people. Who did it stands beside it. */
const TEXTS: Readonly<Record<LeafType, string>> = {
  'request.received': 'Requested it.',
  'request.planned': 'The dry run showed what would happen.',
  'request.plan_failed': 'No plan could be made.',
  'request.pending': 'Policy requires people to decide.',
  'request.allowed': 'Policy allows it without an approval.',
  'request.escalated': 'Nobody answered in time: more people may decide now.',
  'request.approved': 'All required approvals were given.',
  'request.denied': 'It was denied.',
  'request.expired': 'Too few people approved it in time: it expired, which is a denial.',
  'request.withdrawn': 'Withdrew it.',
  'request.withdrawal_refused': 'A withdrawal was refused.',
  'request.cancelled': 'Its workflow was cancelled.',
  'request.drifted': 'The target or the requirement changed: earlier decisions are void.',
  'request.approval_stale': 'An approval became too old to use.',
  'request.approval_taken_back': 'An approval was taken back: all are asked again.',
  'request.orphaned': 'Its workflow ended without recording an outcome.',
  'request.held': 'Approved, but held: a freeze is in force, or its start window has not opened.',
  'decision.counted': 'Decided.',
  'decision.deferred': 'Deferred it or handed it over.',
  'decision.taken_back': 'Took their approval back.',
  'decision.refused': 'The decision was refused.',
  'decision.attempt_refused': 'An attempt to decide was refused.',
  'decision.unauthenticated': 'Signals without a ticket that Keyturn issued for this request were ignored.',
  'question.asked': 'Asked the requester a question.',
  'question.answered': 'Answered a question.',
  'execution.claimed': 'The approved action was claimed: it runs at most once.',
  'execution.succeeded': 'The action was executed.',
  'execution.failed': 'The action failed and changed nothing.',
  'execution.not_done': 'The target confirmed that the action was not executed.',
  'execution.indeterminate': 'It is unknown whether the action was executed: an operator has to check.',
  'execution.released': 'The claim was released: nothing was changed.',
  'gate.allowed': 'Policy allowed it on the spot; the requester executes it.',
  'policy.proposed': 'A policy was proposed.',
  'policy.installed': 'A policy was installed.',
  'switch.thrown': 'A kill switch was engaged.',
  'switch.lift_confirmed': 'An operator confirmed the release of a kill switch.',
  'switch.lifted': 'A kill switch was released.',
  'directory.changed': 'The directory was changed.',
  'session.started': 'Somebody signed in.',
  'session.ended': 'A session was ended.',
  'key.created': 'An API key was made.',
  'key.revoked': 'An API key was revoked.',
  'account.linked': 'An account was linked to a person.',
  'account.unlinked': 'The link of an account was removed.',
  'passkey.registered': 'A passkey was registered.',
  'passkey.revoked': 'A passkey was revoked.',
  'passkey.link_made': 'A link for a passkey was made.',
  'passkey.recovery_agreed': 'A second operator agreed to a recovery.',
};

/** Where the requester executes: Keyturn rehearses nothing, and does not see the effect. */
const GATE_TEXTS: Partial<Record<LeafType, string>> = {
  'request.planned': 'The request was recorded as it will be decided on. Nothing was tried out.',
  'request.drifted': 'The requirement changed: earlier decisions are void.',
  'execution.claimed': 'The approval was checked again and is valid: the decision is given out once.',
  'execution.succeeded':
    'The decision was given to the requester, who executes the action; Keyturn does not know whether they did.',
  'execution.failed': 'No decision was given out.',
  'execution.released': 'The decision was not given out yet: that is tried again.',
  'execution.not_done': 'The decision was not given out.',
  'execution.indeterminate': 'It is unknown whether the decision was given out: an operator has to check.',
  'request.plan_failed': 'It could not be prepared for a decision.',
};

/** What an entry says, by who executes the action. */
export function textOf(type: LeafType, mode: RequestMode): string {
  return (mode === 'gate' ? GATE_TEXTS[type] : undefined) ?? TEXTS[type] ?? type;
}

/**
 * What happened to a request, from its audit entries. Facts and parts quote plans and errors, so they are for those who
 * may see the whole request; after an approval the people behind it see who took part, and everybody else the steps only.
 */
export async function timelineOf(context: Showing, caller: Caller, decided: DecidedRow): Promise<Timeline> {
  const items = await itemsOf(context, caller, decided);
  if (!(await isExpiredWithStartWindow(context, decided.row))) return { items };
  return {
    items: items.map((item) => (item.type === 'request.expired' ? { ...item, text: WINDOW_ENDED } : item)),
  };
}

const WINDOW_ENDED =
  'Its start window ended before it was approved and started: it expired, which is a denial.';

async function isExpiredWithStartWindow(
  context: Parameters<typeof rowsAsSigned>[0],
  row: RequestRow,
): Promise<boolean> {
  if (row.status !== 'expired') return false;
  const [bound] = await rowsAsSigned(context, [row]);
  return !!bound && isStartWindowEnd(bound, bound.expires_at?.toISOString() ?? null);
}

async function itemsOf(
  context: Pick<ApiContext, 'source' | 'directories'>,
  caller: Caller,
  decided: DecidedRow,
): Promise<Item[]> {
  const { row } = decided;
  const { manager } = context.source;
  const leaves = (await readLeaves(manager, row.id)).map((leaf) => JSON.parse(leaf) as Leaf);
  const { mode } = row;
  const { visibility } = await callerVisibility(context, caller, decided);
  if (!seesPlan(visibility)) return leaves.map((leaf) => bareItem(leaf, mode));
  const subjects = await readSubjects(
    manager,
    leaves.map((leaf) => leaf.actor.pseudonym),
  );
  // A program learns no names of people.
  const isNamed = ({ actor }: Leaf): boolean => actor.kind !== 'person' || isReviewer(caller);
  const name = (leaf: Leaf): Named => (isNamed(leaf) ? namedActor(leaf, caller.directory, subjects) : null);
  if (visibility === 'approved') return leaves.map((leaf) => bareItem(leaf, mode, name(leaf)));
  const parts = await readParts(manager, row.id);
  return leaves.map((leaf) => {
    const own = parts.filter(({ event_id, part }) => event_id === leaf.id && !UNSHOWN.has(part));
    return {
      ...bareItem(leaf, mode, name(leaf)),
      text: fullText(leaf, mode),
      facts: leaf.facts as Item['facts'],
      parts: Object.fromEntries(own.map(({ part, body }) => [part, JSON.parse(body) as never])),
      ...(leaf.evidence && { grade: leaf.evidence.grade }),
    };
  });
}

/** A signature is for verification, and what is sealed stands opened with the request. */
const UNSHOWN: ReadonlySet<string> = new Set(['envelope', ...Object.values(QUESTION_PARTS)]);

function bareItem(leaf: Leaf, mode: RequestMode, named: Named = null): Item {
  const { n, at, type, actor } = leaf;
  const shown = { kind: actor.kind, ...named };
  return { n, at, type, actor: shown, text: bareText(leaf, mode), facts: {} };
}

/** Every reader may know that a switch stopped it: the failure code of the request says so. */
function bareText({ type, facts }: Leaf, mode: RequestMode): string {
  const isStopped = type === 'request.denied' && facts['code'] === SWITCHED_OFF;
  return isStopped ? 'A kill switch stopped it: it was denied.' : textOf(type, mode);
}

type Named = ReturnType<typeof namedActor>;

/** What people reported about an action whose outcome was unknown to Keyturn. */
const REPORTED: Partial<Record<LeafType, string>> = {
  'execution.succeeded': 'People checked the target and reported that the action was executed',
  'execution.failed': 'People checked the target and reported that the action was not executed',
};

/** The fact that a reader wants first. */
const FIRST_FACTS: Partial<Record<LeafType, string>> = {
  'decision.counted': 'verdict',
  'decision.refused': 'code',
  'decision.attempt_refused': 'code',
  'request.withdrawal_refused': 'code',
  'request.plan_failed': 'code',
  'request.escalated': 'to',
  'decision.unauthenticated': 'count',
  'execution.failed': 'code',
};

/** The text, with the fact that a reader wants first. */
function fullText(leaf: Leaf, mode: RequestMode): string {
  const { type, facts } = leaf;
  const reported = facts['found_by'] === 'people' ? REPORTED[type] : undefined;
  const { resolution } = facts;
  if (reported !== undefined && typeof resolution === 'string') return `${reported} (${resolution}).`;
  const fact = facts[FIRST_FACTS[type] ?? ''];
  const text = bareText(leaf, mode);
  const first =
    typeof fact === 'string' || typeof fact === 'number' ? `${text.replace(/\.$/, '')} (${fact}).` : text;
  return `${first}${viewOf(leaf)}`;
}

/** Of a decision: the card that was shown, as it was signed. */
function viewOf({ type, facts }: Leaf): string {
  const view = signedDecisionSchema.shape.view.safeParse(facts['view']).data;
  return DECIDED.has(type) ? ` (${viewText(view ?? null)})` : '';
}

const DECIDED: ReadonlySet<LeafType> = new Set([
  'decision.counted',
  'decision.deferred',
  'decision.taken_back',
  'decision.refused',
]);
