import type { Act } from './acting.ts';
import { changedRows } from './effect-table.ts';
import type { Card, Decision, Shown } from './view.ts';
import { grouped, listed } from '../shown/words.ts';

/** One thing that is other than when the person read it. */
export interface Change {
  readonly text: string;
  /** A decision on what was read would be refused, or mean something else. */
  readonly isDecisive: boolean;
}

/** What changed since the page was read, in sentences; nothing where only the clock went on. */
export function changesBetween(seen: Shown, now: Shown): readonly Change[] {
  return [
    ...statusChanges(seen, now),
    ...subjectChanges(seen, now).map((text) => ({ text, isDecisive: true })),
    ...newAnswers(seen, now).map((text) => ({ text, isDecisive: false })),
    ...newDecisions(seen, now).map((decision) => ({ text: decisionText(decision), isDecisive: false })),
  ];
}

/**
 * What somebody who reads in order to decide has to be told. What they did themselves is no news to them, nor that what is
 * decided goes its way.
 */
export function newsOf(seen: Shown, now: Shown, person: string): readonly Change[] {
  if (seen.request.status !== 'pending') return [];
  const decisions = (now.request.decisions ?? []).filter((decision) => decision.person !== person);
  return changesBetween(seen, { ...now, request: { ...now.request, decisions } });
}

/** Whether a decision on what was read would be refused, or be one on something else. */
export function isOtherSubject(seen: Shown, now: Shown): boolean {
  return changesBetween(seen, now).some(({ isDecisive }) => isDecisive);
}

/**
 * What a dialog begins with. Who approves something else than what they began to read begins with what they read: so the
 * dialog tells them first, also where they saw no notice of it.
 */
export function beginning(act: Act, { seen, now }: { readonly seen: Shown; readonly now: Shown }): Shown {
  return act === 'approve' && isOtherSubject(seen, now) ? seen : now;
}

function statusChanges({ request: seen }: Shown, { request: now }: Shown): readonly Change[] {
  if (seen.status === now.status) return [];
  return [{ text: `It was ${seen.status} and is now ${now.status}.`, isDecisive: true }];
}

function subjectChanges(seen: Shown, now: Shown): readonly string[] {
  if (seen.viewDigest === now.viewDigest) return [];
  const round = now.request.round;
  const texts = [
    ...(seen.request.round === round
      ? []
      : [
          `It was planned again. This is round ${round}: approvals of round ${seen.request.round} do not count.`,
        ]),
    ...effectChange(seen.card, now.card),
    ...(seen.card.risk?.tier === now.card.risk?.tier
      ? []
      : [`Its risk was ${tierOf(seen.card)} and is now ${tierOf(now.card)}.`]),
  ];
  const parts = otherParts(seen.card, now.card);
  return [...texts, ...(parts.length === 0 ? [] : [`Read again: ${listed(parts, 'and')}.`])];
}

function tierOf({ risk }: Card): string {
  return risk?.tier ?? 'not known';
}

function effectChange({ effects: seen }: Card, { effects: now }: Card): readonly string[] {
  const [before, after] = [changedRows(seen ?? []), changedRows(now ?? [])];
  if (before === after) return [];
  return [`It changes ${grouped(after)} rows now; when you read it, it changed ${grouped(before)}.`];
}

const PARTS = {
  plan: 'what will run',
  effects: 'what it changes',
  files: 'the files',
  arguments: 'what was sent',
  preview: 'what was not previewed',
  risk: 'its risk',
  rules: 'the rules that acted',
  requirement: 'who must agree',
  reversal: 'the way back',
  lineage: 'who is behind it',
  claims: "the agent's own words",
  request: 'what is requested',
} as const satisfies Partial<Record<keyof Card, string>>;

function otherParts(seen: Card, now: Card): string[] {
  return (Object.keys(PARTS) as (keyof typeof PARTS)[])
    .filter((part) => JSON.stringify(seen[part]) !== JSON.stringify(now[part]))
    .map((part) => PARTS[part]);
}

function newDecisions({ request: seen }: Shown, { request: now }: Shown): readonly Decision[] {
  const known = new Set((seen.decisions ?? []).map(({ id }) => id));
  return (now.decisions ?? []).filter(({ id, outcome }) => !known.has(id) && outcome === 'counted');
}

/** Who asked waits for it. */
function newAnswers({ request: seen }: Shown, { request: now }: Shown): readonly string[] {
  const before = countAnswers(seen);
  const more = countAnswers(now) - before;
  if (more <= 0) return [];
  return [
    more === 1
      ? 'A question was answered: see Questions.'
      : `${more} questions were answered: see Questions.`,
  ];
}

function countAnswers({ questions = [] }: Shown['request']): number {
  return questions.filter(({ answer }) => answer !== null).length;
}

const DID: Readonly<Record<string, string>> = {
  approve: 'approved it',
  deny: 'denied it',
  defer: 'deferred it',
  take_back: 'took an approval back',
};

/** `Olga Petrenko approved it: “Matches the ticket”` */
export function decisionText({ person_name: name, person, verdict, reason }: Decision): string {
  const who = name ?? person ?? 'Somebody';
  return `${who} ${DID[verdict] ?? verdict}${reason === null ? '.' : `: “${reason}”`}`;
}
