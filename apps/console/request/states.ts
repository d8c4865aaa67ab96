import type { Timeline } from '../../../contract/history.ts';
import type { Requirement } from './view.ts';

type Entry = Timeline['items'][number];

/** How a request stood once an entry was recorded, as far as the entries say it to the reader. */
export interface State {
  readonly entry: Entry;
  readonly status: string;
  /** 0 before the first. */
  readonly round: number;
  /** The seats that people have to fill. Null where there are none, or they are withheld. */
  readonly needed: number | null;
  /** How many seats each approval of the round fills, by its decision. */
  readonly filled: Readonly<Record<string, number>>;
}

/** What the status becomes by an entry; others leave it. */
const BECOMES: Readonly<Record<string, string>> = {
  'request.received': 'planning',
  'request.planned': 'planning',
  'request.plan_failed': 'failed',
  'request.pending': 'pending',
  'request.allowed': 'approved',
  'request.approved': 'approved',
  'request.denied': 'denied',
  'request.expired': 'expired',
  'request.withdrawn': 'cancelled',
  'request.cancelled': 'cancelled',
  'request.drifted': 'planning',
  'request.approval_stale': 'planning',
  'request.approval_taken_back': 'planning',
  'execution.claimed': 'executing',
  'execution.succeeded': 'succeeded',
  'execution.failed': 'failed',
  'execution.not_done': 'executing',
  'execution.indeterminate': 'indeterminate',
  'execution.released': 'planning',
  'gate.allowed': 'succeeded',
};

/** The states of a request, one an entry, in their order. */
export function statesOf(entries: readonly Entry[]): readonly State[] {
  const states: State[] = [];
  for (const entry of entries) states.push(after(states.at(-1), entry));
  return states;
}

function after(before: State | undefined, entry: Entry): State {
  const { type, facts } = entry;
  return {
    entry,
    status: statusAfter(before, entry),
    round: typeof facts['round'] === 'number' ? facts['round'] : (before?.round ?? 0),
    ...seatsAfter(before, { type, facts }),
  };
}

function statusAfter(before: State | undefined, { type, facts }: Entry): string {
  if (type === 'request.orphaned' && typeof facts['status'] === 'string') return facts['status'];
  return BECOMES[type] ?? before?.status ?? 'planning';
}

const NONE = { needed: null, filled: {} } as const;

function seatsAfter(
  before: State | undefined,
  { type, facts }: Pick<Entry, 'type' | 'facts'>,
): Pick<State, 'needed' | 'filled'> {
  if (type === 'request.pending') return { needed: neededBy(facts['requirement']), filled: {} };
  if (before === undefined || BECOMES[type] === 'planning') return NONE;
  const { needed, filled } = before;
  if (type === 'decision.taken_back') {
    const kept = Object.entries(filled).filter(([decision]) => decision !== facts['takes_back']);
    return { needed, filled: Object.fromEntries(kept) };
  }
  const { decision, verdict, seats } = facts;
  const isApproval = type === 'decision.counted' && verdict === 'approve';
  if (!isApproval || typeof decision !== 'string' || !Array.isArray(seats)) return { needed, filled };
  return { needed, filled: { ...filled, [decision]: seats.length } };
}

function neededBy(requirement: unknown): number | null {
  const rules = (requirement as Pick<Requirement, 'rules'> | null | undefined)?.rules ?? [];
  const quorums = rules.flatMap(({ stages }) => stages.map(({ quorum }) => quorum));
  return quorums.length === 0 ? null : quorums.reduce((sum, quorum) => sum + quorum, 0);
}
