import type { Client } from '@temporalio/client';

import { closedLoop, median, perSecond, quantile, together, type Phase } from './measure.ts';
import { cpuMs, familyCpuMs } from './processes.ts';
import type { Subject } from './subject.ts';

/** Figures of one subject, medians over the rounds. */
export interface Figures {
  readonly creates: Readonly<Record<number, Phase>>;
  /** Requests a second from the first create until the last one waits for people. */
  readonly pendingPerSecond: Readonly<Record<number, number>>;
  readonly pending: Phase;
  readonly decideOne: Phase;
  readonly decideMany: Phase;
  /** Milliseconds of CPU a request, from create to executed: own processes, and the Temporal server. */
  readonly ownCpuMs: number;
  readonly serverCpuMs: number;
  /** The same of PostgreSQL: the product's database and the target. */
  readonly databaseCpuMs: number;
  readonly events: number;
  readonly workflowTasks: number;
}

/** How much is measured. */
export interface Scale {
  readonly callers: readonly number[];
  readonly createsPerCaller: number;
  readonly rounds: number;
  readonly decisions: number;
  readonly decisionsAtOnce: number;
}

type Round = Omit<Figures, 'events' | 'workflowTasks'>;

/** The processes beside the subject's own, and a client of the server. */
export interface Surroundings {
  readonly temporal: Client;
  readonly serverPids: readonly number[];
  readonly databasePid: number;
}

/** Measures all subjects in turn, round by round, so that a slow moment of the machine touches each alike. */
export async function measureInTurn(
  subjects: readonly Subject[],
  scale: Scale,
  surroundings: Surroundings,
): Promise<ReadonlyMap<Subject, Figures>> {
  const rounds = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < scale.rounds; round += 1) {
    for (const subject of subjects) {
      rounds.get(subject)?.push(await measureRound(subject, scale, surroundings));
      process.stderr.write(`round ${round + 1} of ${scale.rounds}: ${subject.name} measured\n`);
    }
  }
  const figures = new Map<Subject, Figures>();
  for (const subject of subjects) {
    const shape = await shapeOf(subject, surroundings.temporal);
    figures.set(subject, { ...summary(rounds.get(subject) ?? [], scale), ...shape });
  }
  return figures;
}

async function measureRound(
  subject: Subject,
  scale: Scale,
  { serverPids, databasePid }: Surroundings,
): Promise<Round> {
  const creates: Record<number, Phase> = {};
  const pendingPerSecond: Record<number, number> = {};
  for (const callers of scale.callers) {
    const ids: string[] = [];
    const startedAt = performance.now();
    creates[callers] = await closedLoop(callers, callers * scale.createsPerCaller, async () => {
      ids.push(await subject.create());
    });
    // The backlog must not be measured with the next phase.
    await Promise.all(ids.map((id) => subject.waitPending(id)));
    pendingPerSecond[callers] = (ids.length * 1_000) / (performance.now() - startedAt);
  }
  const own = cpuMs(subject.pids);
  const server = cpuMs(serverPids);
  const database = familyCpuMs(databasePid);
  const ids: string[] = [];
  const pending = await closedLoop(1, scale.decisions, async () => {
    const id = await subject.create();
    await subject.waitPending(id);
    ids.push(id);
  });
  const decideOne = await closedLoop(1, ids.length, (index) => decideAndWait(subject, ids[index] ?? ''));
  const ownCpuMs = (cpuMs(subject.pids) - own) / ids.length;
  const serverCpuMs = (cpuMs(serverPids) - server) / ids.length;
  const databaseCpuMs = (familyCpuMs(databasePid) - database) / ids.length;
  const decideMany = await decideAtOnce(subject, scale.decisionsAtOnce);
  return { creates, pendingPerSecond, pending, decideOne, decideMany, ownCpuMs, serverCpuMs, databaseCpuMs };
}

async function decideAtOnce(subject: Subject, count: number): Promise<Phase> {
  const ids = await Promise.all(Array.from({ length: count }, () => subject.create()));
  await Promise.all(ids.map((id) => subject.waitPending(id)));
  return closedLoop(count, count, (index) => decideAndWait(subject, ids[index] ?? ''));
}

async function decideAndWait(subject: Subject, id: string): Promise<void> {
  const executed = subject.waitExecuted(id);
  await subject.decide(id);
  await executed;
}

function summary(rounds: readonly Round[], scale: Scale): Round {
  const pendingPerSecond = Object.fromEntries(
    scale.callers.map((callers) => [
      callers,
      median(rounds.flatMap((round) => round.pendingPerSecond[callers] ?? [])),
    ]),
  );
  const creates = Object.fromEntries(
    scale.callers.map((callers) => [
      callers,
      together(rounds.flatMap((round) => round.creates[callers] ?? [])),
    ]),
  );
  return {
    creates,
    pendingPerSecond,
    pending: together(rounds.map((round) => round.pending)),
    decideOne: together(rounds.map((round) => round.decideOne)),
    decideMany: together(rounds.map((round) => round.decideMany)),
    ownCpuMs: median(rounds.map((round) => round.ownCpuMs)),
    serverCpuMs: median(rounds.map((round) => round.serverCpuMs)),
    databaseCpuMs: median(rounds.map((round) => round.databaseCpuMs)),
  };
}

/** Events and workflow tasks of one plain request. */
async function shapeOf(
  subject: Subject,
  temporal: Client,
): Promise<Pick<Figures, 'events' | 'workflowTasks'>> {
  const id = await subject.create();
  await subject.waitPending(id);
  await decideAndWait(subject, id);
  const handle = temporal.workflow.getHandle(id);
  await handle.result();
  const events = (await handle.fetchHistory()).events ?? [];
  return {
    events: events.length,
    workflowTasks: events.filter((event) => event.workflowTaskCompletedEventAttributes).length,
  };
}

/** One line of the table: a figure of both subjects, and their ratio. */
export interface Line {
  readonly figure: string;
  readonly floor: number;
  readonly product: number;
  readonly aim: string;
}

/** More callers at once share what one request costs beyond the floor. */
const CREATES_AIMS: Readonly<Record<number, string>> = {
  1: 'ratio ≥ 0.6',
  16: 'ratio ≥ 0.7',
  64: 'ratio ≥ 0.8',
};

/** One side of the table. */
interface Measured extends Figures {
  /** Of a bare rehearsal, for the floor: what planning needs at least. Zero for the product, which does its own. */
  readonly rehearsalMs: number;
}

/** The lines of the table. */
export function linesOf(floor: Measured, product: Measured, scale: Scale): readonly Line[] {
  const line = (figure: string, read: (figures: Measured) => number, aim = ''): Line => ({
    figure,
    floor: read(floor),
    product: read(product),
    aim,
  });
  return [
    ...scale.callers.flatMap((callers) => {
      const phase = (figures: Figures): Phase =>
        figures.creates[callers] ?? { latenciesMs: [], elapsedMs: 0 };
      return [
        line(`creates/s, ${callers} callers`, (figures) => perSecond(phase(figures)), CREATES_AIMS[callers]),
        line(
          `pending/s, ${callers} callers`,
          (figures) => figures.pendingPerSecond[callers] ?? 0,
          'ratio ≥ 0.6',
        ),
        line(`durable p50 ms, ${callers} callers`, (figures) => quantile(phase(figures).latenciesMs, 0.5)),
        line(`durable p99 ms, ${callers} callers`, (figures) => quantile(phase(figures).latenciesMs, 0.99)),
      ];
    }),
    ...latencies('create → pending', (figures) => figures.pending, 'ratio ≤ 3').map((make) => make(line)),
    line(
      'create → pending p50 ms, the floor with one bare rehearsal',
      ({ pending, rehearsalMs }) => quantile(pending.latenciesMs, 0.5) + rehearsalMs,
    ),
    ...latencies('decide → executed', (figures) => figures.decideOne, 'ratio ≤ 1.6').map((make) =>
      make(line),
    ),
    ...latencies(
      `decide → executed, ${scale.decisionsAtOnce} at once`,
      (figures) => figures.decideMany,
      'ratio ≤ 3',
    ).map((make) => make(line)),
    line('own CPU ms a request', (figures) => figures.ownCpuMs, 'ratio ≤ 2.5'),
    line('Temporal server CPU ms a request', (figures) => figures.serverCpuMs, 'ratio ≤ 1.4 (full server)'),
    line('PostgreSQL CPU ms a request', (figures) => figures.databaseCpuMs),
    line('events a request', (figures) => figures.events, '≤ 30'),
    line('workflow tasks a request', (figures) => figures.workflowTasks, '≤ 6'),
  ];
}

type MakeLine = (line: (figure: string, read: (figures: Figures) => number, aim?: string) => Line) => Line;

function latencies(name: string, read: (figures: Figures) => Phase, aim: string): readonly MakeLine[] {
  return [
    (line) => line(`${name} p50 ms`, (figures) => quantile(read(figures).latenciesMs, 0.5), aim),
    (line) => line(`${name} p99 ms`, (figures) => quantile(read(figures).latenciesMs, 0.99)),
  ];
}
