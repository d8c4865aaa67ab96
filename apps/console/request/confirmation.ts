import { duration } from '../../../domain/cards/words.ts';
import type { Act } from './acting.ts';
import { changedRows } from './effect-table.ts';
import type { Card, RequestView } from './view.ts';
import { grouped, listed } from '../shown/words.ts';

/** What a dialog says before anything is sent. */
export interface Confirmation {
  readonly title: string;
  /** What will happen, in sentences. */
  readonly sentences: readonly string[];
  /** What must be typed first; null where a click is enough. */
  readonly typed: Typed | null;
  readonly button: string;
  readonly isReasonRequired: boolean;
}

/** Proof that somebody looked: the target's name, or how many rows change. */
export interface Typed {
  readonly target: string;
  /** Null where no rows change. */
  readonly rows: number | null;
}

/** What is confirmed, and how it stands. */
export interface Confirmed {
  readonly card: Pick<Card, 'request' | 'plan' | 'effects' | 'preview' | 'reversal' | 'risk' | 'requirement'>;
  readonly request: Pick<RequestView, 'status' | 'progress' | 'freezes' | 'expires_at'>;
}

/** The words of the dialog for what a person is about to do. */
export function confirmationOf(act: Act, confirmed: Confirmed, nowMs: number): Confirmation {
  const { request, requirement } = confirmed.card;
  const where = `${request.action} on ${request.target} (${request.environment})`;
  const isReasonRequired =
    WITH_REASON.has(act) && (requirement?.rules.some((rule) => rule.is_reason_required) ?? false);
  return {
    ...WORDS[act](confirmed, where, nowMs),
    typed: act === 'approve' ? typedOf(confirmed) : null,
    isReasonRequired,
  };
}

/** A deferral decides nothing, and to withdraw is the requester's own matter. */
const WITH_REASON: ReadonlySet<Act> = new Set(['approve', 'deny', 'take_back']);

type Words = Pick<Confirmation, 'title' | 'sentences' | 'button'>;

const WORDS: Readonly<Record<Act, (confirmed: Confirmed, where: string, nowMs: number) => Words>> = {
  approve: (confirmed, where) => ({
    title: `Approve ${where}?`,
    sentences: [whatRuns(confirmed), ...doubts(confirmed), whenItRuns(confirmed)],
    button: 'Approve',
  }),
  deny: ({ request }, where) => ({
    title: `Deny ${where}?`,
    sentences: [
      request.status === 'approved' ? 'It is approved already: your denial stops it before it starts.' : '',
      'The request ends and nothing is run. It cannot be opened again; the same can be requested anew.',
    ].filter(Boolean),
    button: 'Deny',
  }),
  defer: (_confirmed, where) => ({
    title: `Defer ${where}?`,
    sentences: ['Nothing is decided: it goes on waiting, and expires as if you had not answered.'],
    button: 'Defer',
  }),
  withdraw: (_confirmed, where) => ({
    title: `Withdraw ${where}?`,
    sentences: ['The request ends and nothing is run. It cannot be opened again.'],
    button: 'Withdraw',
  }),
  take_back: ({ request }, where, nowMs) => ({
    title: `Take back your approval of ${where}?`,
    sentences: [
      request.status === 'approved'
        ? `It does not start. ${afterwards(request, nowMs)}`
        : 'Your approval no longer counts, and what it filled is open again. You may still decide.',
    ],
    button: 'Take back',
  }),
};

/** The expiry never moves: an approval that held the request beyond it leaves no time for another. */
function afterwards({ expires_at: expiresAt }: Confirmed['request'], nowMs: number): string {
  return expiresAt !== null && Date.parse(expiresAt) <= nowMs
    ? 'The time in which it could be approved is over, so it expires, which is a denial: nobody can approve it again.'
    : 'It is planned again, and everybody has to decide again before it expires.';
}

function whatRuns({ card: { request, plan } }: Confirmed): string {
  const { action, target, environment, mode } = request;
  const where = `${target} (${environment})`;
  if (mode === 'gate')
    return `The requester gets the decision, and performs ${action} on ${where} itself: Keyturn does not watch what it does.`;
  return plan === null
    ? `Keyturn runs ${action} on ${where}, exactly as shown here.`
    : `On ${where}, Keyturn does exactly what is shown here: ${plan.summary}`;
}

/** What somebody who is about to agree should not have overlooked. */
function doubts({ card: { plan, preview, reversal, effects } }: Confirmed): readonly string[] {
  if (plan === null || plan.is_by_requester) return [];
  const isUndoable = reversal?.is_possible ?? true;
  return [
    ...(preview?.is_whole === false ? ['Not all that would happen could be previewed.'] : []),
    ...(isUndoable || (effects ?? []).length === 0 ? [] : ['It cannot be undone from the plan.']),
  ];
}

/** Whether it runs at once is what approvers must know before they click. */
function whenItRuns({ card, request }: Confirmed): string {
  const missing = missingApprovals(card.requirement, request.progress);
  if (missing > 1)
    return `It does not run yet: after yours, at least ${grouped(missing - 1)} more ${missing === 2 ? 'person has' : 'people have'} to approve.`;
  const isHeld = (request.freezes ?? []).length > 0 || Boolean(card.request.start?.not_before);
  if (isHeld)
    return `If yours is the last approval, it starts once what holds it back is over.${lasting(card)}`;
  return card.request.mode === 'gate'
    ? 'If yours is the last approval, the decision is given out at once.'
    : 'If yours is the last approval, it runs at once.';
}

function lasting({ requirement }: Confirmed['card']): string {
  const ages = requirement?.rules.map((rule) => rule.maximum_age_ms) ?? [];
  return ages.length === 0 ? '' : ` Your approval is good for ${duration(Math.min(...ages))}.`;
}

/** How many people have to approve yet, at least: one person may fill seats of several rules, none two of one stage. */
export function missingApprovals(
  requirement: Pick<NonNullable<Card['requirement']>, 'distinct_people'> | null,
  progress: RequestView['progress'],
): number {
  const stages = progress?.rules.flatMap((rule) => rule.stages) ?? [];
  const inOneStage = Math.max(0, ...stages.map(({ quorum, filled }) => quorum - filled));
  const approved = Math.max(0, ...stages.map(({ filled }) => filled));
  return Math.max(inOneStage, (requirement?.distinct_people ?? 0) - approved);
}

/** On the critical tier nobody approves by a click that was meant for something else. */
function typedOf({ card: { request, risk, effects } }: Confirmed): Typed | null {
  if (risk?.tier !== 'critical') return null;
  const rows = changedRows(effects ?? []);
  return { target: request.target, rows: rows > 0 ? rows : null };
}

/** Whether what was typed is the target's name, or the number of rows as people write it. */
export function isTyped({ target, rows }: Typed, text: string): boolean {
  const given = text.trim();
  if (given === target) return true;
  return /^\d[\d., ']*$/.test(given) && given.replace(/[., ']/g, '') === String(rows);
}

/** What to type, as the label says it. */
export function typedLabel({ target, rows }: Typed): string {
  const ways = [
    `the target’s name (${target})`,
    ...(rows === null ? [] : ['the number of rows that change']),
  ];
  return `Type ${listed(ways, 'or')}`;
}
