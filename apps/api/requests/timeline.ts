import { readLeaves, readParts, readSubjects } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { Leaf, LeafType } from '../../../domain/audit/leaf.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { SWITCHED_OFF } from '../../../domain/execution/denial.ts';
import { agentOf, personOf, type Directory } from '../../../domain/identity/directory.ts';
import type { RequestMode } from '../../../domain/request/status.ts';
import { isStartWindowEnd } from '../../../domain/execution/start.ts';
import { seesPlan } from '../../../domain/policy/visibility.ts';
import type { Timeline } from '../../../contract/history.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { rowsAsSigned } from './signed-rows.ts';
import { callerVisibility } from './visibility.ts';

type Item = Timeline['items'][number];
type Subjects = Awaited<ReturnType<typeof readSubjects>>;

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
  'request.expired': 'Too few people approved in time: it expired, which is a denial.',
  'request.withdrawn': 'Withdrew it.',
  'request.withdrawal_refused': 'A withdrawal was refused.',
  'request.cancelled': 'Its workflow was cancelled.',
  'request.drifted': 'The target or the requirement changed: what was decided before is void.',
  'request.approval_stale': 'An approval became too old to act on.',
  'request.orphaned': 'Its workflow ended without recording an outcome.',
  'request.held': 'Approved, but held: a freeze is in force, or its start window has not opened.',
  'decision.counted': 'Decided.',
  'decision.deferred': 'Deferred it or handed it over.',
  'decision.refused': 'The decision was refused.',
  'decision.attempt_refused': 'An attempt to decide was refused.',
  'decision.unauthenticated': 'Signals without a ticket that Keyturn issued for this request were ignored.',
  'execution.claimed': 'The approved action was claimed: it runs at most once.',
  'execution.succeeded': 'The action was executed.',
  'execution.failed': 'The action failed and changed nothing.',
  'execution.not_done': 'The target confirmed that the action was not done.',
  'execution.indeterminate': 'Whether the action was done is unknown: an operator has to look.',
  'execution.released': 'The claim was given back: nothing was changed.',
  'gate.allowed': 'Policy allowed it on the spot; somebody else performs it.',
  'policy.proposed': 'A policy was proposed.',
  'policy.installed': 'A policy was installed.',
  'switch.thrown': 'A kill switch was engaged.',
  'switch.lift_confirmed': 'An operator confirmed the release of a kill switch.',
  'switch.lifted': 'A kill switch was released.',
  'directory.changed': 'The directory was changed.',
};

/** Where somebody else performs: Keyturn tries nothing out, and sees nothing of what comes of it. */
const GATE_TEXTS: Partial<Record<LeafType, string>> = {
  'request.planned': 'What is asked for was fixed as it will be decided on. Nothing was tried out.',
  'request.drifted': 'The requirement changed: what was decided before is void.',
  'execution.claimed': 'The approval was checked once more and holds: the decision is given out once.',
  'execution.succeeded':
    'The decision was given to the requester, who executes the action; Keyturn does not know whether they did.',
  'execution.failed': 'No decision was given out.',
  'execution.released': 'The decision was not given out yet: it is made again.',
  'execution.not_done': 'The decision was not given out.',
  'execution.indeterminate': 'Whether the decision was given out is unknown: an operator has to look.',
  'request.plan_failed': 'It could not be prepared for a decision.',
};

/** What an entry says, by who performs the action. */
export function textOf(type: LeafType, mode: RequestMode): string {
  return (mode === 'gate' ? GATE_TEXTS[type] : undefined) ?? TEXTS[type] ?? type;
}

/**
 * What happened to a request, from its audit entries. Facts and parts quote plans and errors, so they are for those who
 * may see the whole request; after an approval those behind it see who took part, and everybody else the steps only.
 */
export async function timelineOf(context: ApiContext, caller: Caller, row: RequestRow): Promise<Timeline> {
  const items = await itemsOf(context, caller, row);
  if (!(await isExpiredWithStartWindow(context, row))) return { items };
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
  row: RequestRow,
): Promise<Item[]> {
  const { manager } = context.source;
  const leaves = (await readLeaves(manager, row.id)).map((leaf) => JSON.parse(leaf) as Leaf);
  const { mode } = row;
  const { visibility } = await callerVisibility(context, caller, { row });
  if (!seesPlan(visibility)) return leaves.map((leaf) => bareItem(leaf, mode));
  const subjects = await readSubjects(
    manager,
    leaves.map((leaf) => leaf.actor.pseudonym),
  );
  const name = (leaf: Leaf): Named | null => nameOf(leaf, caller.directory, subjects);
  if (visibility === 'approved') return leaves.map((leaf) => bareItem(leaf, mode, name(leaf)));
  const parts = await readParts(manager, row.id);
  return leaves.map((leaf) => {
    // A signature is for those who check it.
    const own = parts.filter(({ event_id, part }) => event_id === leaf.id && part !== 'envelope');
    return fullItem(leaf, {
      mode,
      name: name(leaf),
      parts: Object.fromEntries(own.map((part) => [part.part, JSON.parse(part.body) as JsonValue])),
    });
  });
}

function bareItem(leaf: Leaf, mode: RequestMode, named: Named | null = null): Item {
  const { n, at, type, actor } = leaf;
  const shown = { kind: actor.kind, ...named };
  return { n, at, type, actor: shown, text: bareText(leaf, mode), facts: {} };
}

/** That a switch stopped it every reader may know: the request says so by the code of its failure. */
function bareText({ type, facts }: Leaf, mode: RequestMode): string {
  const isStopped = type === 'request.denied' && facts['code'] === SWITCHED_OFF;
  return isStopped ? 'A kill switch stopped it: it was denied.' : textOf(type, mode);
}

interface Named {
  readonly name: string;
  readonly id?: string;
}

interface ItemContext {
  readonly mode: RequestMode;
  readonly name: Named | null;
  readonly parts: Readonly<Record<string, JsonValue>>;
}

function fullItem(leaf: Leaf, { mode, name, parts }: ItemContext): Item {
  return {
    ...bareItem(leaf, mode, name),
    text: fullText(leaf, mode),
    facts: leaf.facts as Item['facts'],
    parts: parts as NonNullable<Item['parts']>,
    ...(leaf.evidence ? { grade: leaf.evidence.grade } : {}),
  };
}

/** What people reported of an action whose outcome was unknown: Keyturn saw neither of it. */
const REPORTED: Partial<Record<LeafType, string>> = {
  'execution.succeeded': 'People looked at the target and reported that the action was executed',
  'execution.failed': 'People looked at the target and reported that the action was not executed',
};

/** The text, with the fact that a reader wants first where a kind of entry has one. */
function fullText(leaf: Leaf, mode: RequestMode): string {
  const { type, facts } = leaf;
  const told = facts['found_by'] === 'people' ? REPORTED[type] : undefined;
  const { resolution } = facts;
  if (told !== undefined && typeof resolution === 'string') return `${told} (${resolution}).`;
  const named: Partial<Record<LeafType, JsonValue | undefined>> = {
    'decision.counted': facts['verdict'],
    'decision.refused': facts['code'],
    'decision.attempt_refused': facts['code'],
    'request.withdrawal_refused': facts['code'],
    'request.plan_failed': facts['code'],
    'request.escalated': facts['to'],
    'decision.unauthenticated': facts['count'],
    'execution.failed': facts['code'],
  };
  const fact = named[type];
  const text = bareText(leaf, mode);
  return typeof fact === 'string' || typeof fact === 'number'
    ? `${text.replace(/\.$/, '')} (${fact}).`
    : text;
}

/** The name behind a pseudonym; erased names stay pseudonyms. */
function nameOf(leaf: Leaf, directory: Directory, subjects: Subjects): Named | null {
  if (leaf.actor.kind === 'system') return { name: 'Keyturn' };
  const { issuer, subject } = subjects.get(leaf.actor.pseudonym) ?? {};
  if (issuer === undefined || subject === undefined) return null;
  const account = { issuer, subject };
  const known = personOf(directory, account) ?? agentOf(directory, account);
  return known ? { name: known.name, id: known.id } : { name: subject };
}
