import type { RequestView, Requirement, Stage, StageProgress } from './view.ts';

/** When somebody is notified, or was. */
export interface Rung {
  /** Selectors, such as `group:dba`. */
  readonly to: readonly string[];
  readonly state: 'notified' | 'due' | 'later';
  /** The instant in milliseconds; null where it is not known before. */
  readonly atMs: number | null;
  /** How long after the stage opened, as its clock counts. */
  readonly afterMs: number;
  /** The calendar whose business time counts; null for wall time. */
  readonly clock: string | null;
}

/** A stage with everybody it asks, in the order of time. */
export interface StageLadder {
  readonly rule: string;
  readonly quorum: number;
  readonly filled: number;
  readonly isOpen: boolean;
  readonly rungs: readonly Rung[];
}

/** Who is notified when, stage by stage. */
export function laddersOf(
  requirement: Requirement | null,
  progressOfAll: RequestView['progress'],
  nowMs: number,
): StageLadder[] {
  return (requirement?.rules ?? []).flatMap((rule, ruleIndex) =>
    rule.stages.map((stage, stageIndex) => {
      const progress = progressOfAll?.rules[ruleIndex]?.stages[stageIndex] ?? NOT_BEGUN;
      const { filled, opened_at: openedAt, selectors, ladder } = progress;
      const openedMs = openedAt === null ? null : Date.parse(openedAt);
      const clock = rule.clock ?? null;
      return {
        rule: rule.rule,
        quorum: stage.quorum,
        filled,
        isOpen: openedMs !== null,
        rungs: rungsOf(stage, { openedMs, nowMs, clock, notified: new Set(selectors), ladder }),
      };
    }),
  );
}

/** What is known of a stage where nothing is to be decided yet, or any more. */
const NOT_BEGUN = { filled: 0, opened_at: null, selectors: [], ladder: [] };

interface StageTimes {
  readonly openedMs: number | null;
  readonly nowMs: number;
  readonly clock: string | null;
  readonly notified: ReadonlySet<string>;
  /** The instants, which the server works out: business time takes calendars. */
  readonly ladder: StageProgress['ladder'];
}

function rungsOf(stage: Stage, times: StageTimes): Rung[] {
  const { openedMs, clock, ladder } = times;
  const first: Rung = {
    to: stage.any,
    state: openedMs === null ? 'later' : 'notified',
    atMs: openedMs,
    afterMs: 0,
    clock,
  };
  return [
    first,
    ...stage.escalate.map(({ to, after_ms: afterMs }, index): Rung => {
      const at = ladder[index]?.at ?? null;
      const atMs = at === null ? null : Date.parse(at);
      return { to: [to], atMs, afterMs, clock, state: stateOf({ to, atMs }, times) };
    }),
  ];
}

/** The server says who may decide now; until it has, what has just become due is not called done. */
function stateOf(
  { to, atMs }: { readonly to: string; readonly atMs: number | null },
  { notified, nowMs }: StageTimes,
): Rung['state'] {
  if (notified.has(to)) return 'notified';
  return atMs !== null && atMs <= nowMs ? 'due' : 'later';
}

/** The next thing that happens if nobody decides: somebody else is notified, or it expires. Null where nothing is known. */
export function nextInstant(
  requirement: Requirement | null,
  { progress, expires_at: expiresAt }: Pick<RequestView, 'progress' | 'expires_at'>,
  nowMs: number,
): { readonly what: 'escalates' | 'expires'; readonly to: readonly string[]; readonly atMs: number } | null {
  const escalations = laddersOf(requirement, progress, nowMs)
    .filter(({ isOpen, filled, quorum }) => isOpen && filled < quorum)
    .flatMap(({ rungs }) => rungs)
    .flatMap(({ state, atMs, to }) =>
      state === 'later' && atMs !== null ? [{ what: 'escalates' as const, to, atMs }] : [],
    );
  const expiryMs = expiresAt === null ? null : Date.parse(expiresAt);
  const expiry = expiryMs === null ? [] : [{ what: 'expires' as const, to: [], atMs: expiryMs }];
  return [...escalations, ...expiry].sort((left, right) => left.atMs - right.atMs)[0] ?? null;
}
