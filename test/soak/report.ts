import os from 'node:os';

import { quantile } from '../bench/measure.ts';
import { shown } from './checks.ts';
import type { Kill } from './kills.ts';
import type { Soaked } from './requests.ts';
import type { Usage } from './usage.ts';
import { slope, type Sample } from './watch.ts';

/** All that a run has shown. */
export interface Observed {
  readonly made: readonly Soaked[];
  readonly samples: readonly Sample[];
  readonly kills: readonly Kill[];
  readonly startedMs: number;
  readonly before: Usage;
  readonly after: Usage;
  readonly broken: readonly string[];
}

/** The report of a run: what broke, a line a minute, and the figures that sizing needs. */
export function soakLines(observed: Observed): readonly string[] {
  const { made, kills, broken } = observed;
  const cpus = os.cpus();
  return [
    `Soaked ${new Date().toISOString().slice(0, 10)} on ${cpus.length} × ${cpus[0]?.model ?? 'unknown'}, Node ${process.version}: two workers, two APIs,`,
    'the full Temporal server and one PostgreSQL; the driver shares the machine.',
    '',
    `${made.length} requests, ${made.filter(({ id }) => id !== undefined).length} acknowledged, ${kills.length} kills.`,
    ...(broken.length === 0
      ? ['Nothing was lost, nothing happened twice, all evidence holds.']
      : ['**BROKEN**', ...shown(broken)]),
    '',
    ...minuteLines(observed),
    ...figureLines(observed),
  ];
}

function figureLines({ made, samples, before, after }: Observed): readonly string[] {
  const a = (read: (usage: Usage) => number): number => (read(after) - read(before)) / made.length;
  const cpu = {
    own: a(({ ownCpuMs }) => ownCpuMs),
    server: a(({ serverCpuMs }) => serverCpuMs),
    database: a(({ databaseCpuMs }) => databaseCpuMs),
  };
  const all = cpu.own + cpu.server + cpu.database;
  const slopes = {
    workers: slope(samples, ({ workersMiB }) => workersMiB),
    APIs: slope(samples, ({ apisMiB }) => apisMiB),
    Temporal: slope(samples, ({ serverMiB }) => serverMiB),
    PostgreSQL: slope(samples, ({ databaseMiB }) => databaseMiB),
  };
  const row = (figure: string, value: string): string => `| ${figure} | ${value} |`;
  return [
    '| figure | |',
    '| --- | ---: |',
    row('create → pending p50 / p99 ms', halfAndMost(pendingLags(made))),
    row('decide → ended p50 / p99 ms', halfAndMost(executedLags(made))),
    ...Object.entries(slopes).map(([name, each]) =>
      row(`slope of the memory of ${name}, MiB a minute`, each.toFixed(2)),
    ),
    row('CPU ms a request: workers and APIs', cpu.own.toFixed(0)),
    row('CPU ms a request: Temporal', cpu.server.toFixed(0)),
    row('CPU ms a request: PostgreSQL, with the target', cpu.database.toFixed(0)),
    row('requests/s a core, of workers and APIs alone', (1_000 / cpu.own).toFixed(1)),
    row('requests/s a core, of all together', (1_000 / all).toFixed(1)),
    row("bytes a request in Keyturn's database", a(({ keyturnBytes }) => keyturnBytes).toFixed(0)),
    row("bytes a request in Temporal's databases", a(({ temporalBytes }) => temporalBytes).toFixed(0)),
    '',
  ];
}

/** How many were asked in each minute, how long they waited, who was killed, the memory at the end of it. */
function minuteLines({ made, samples, kills, startedMs }: Observed): readonly string[] {
  const minuteOf = (atMs: number): number => Math.floor((atMs - startedMs) / 60_000);
  const byMinute = Map.groupBy(made, ({ dueMs }) => minuteOf(dueMs));
  return [
    '| minute | asked | create → pending p50 / p99 ms | decide → ended p50 / p99 ms | killed (away s) | workers / APIs / Temporal / PostgreSQL MiB |',
    '| ---: | ---: | ---: | ---: | --- | ---: |',
    ...[...byMinute].map(([minute, asked]) => {
      const dead = kills.filter(({ atMs }) => minuteOf(atMs) === minute);
      const away = dead.map(({ name, awayMs }) => `${name} (${(awayMs / 1_000).toFixed(1)})`).join(', ');
      const memory = samples.findLast(({ atMs }) => minuteOf(atMs) === minute);
      const lags = [pendingLags(asked), executedLags(asked)].map(halfAndMost).join(' | ');
      return `| ${minute + 1} | ${asked.length} | ${lags} | ${away} | ${memory ? memoryOf(memory) : ''} |`;
    }),
    '',
  ];
}

function memoryOf({ workersMiB, apisMiB, serverMiB, databaseMiB }: Sample): string {
  return [workersMiB, apisMiB, serverMiB, databaseMiB].map((each) => each.toFixed(0)).join(' / ');
}

/** From the moment at which a request was due until people were asked. */
function pendingLags(made: readonly Soaked[]): readonly number[] {
  return made.flatMap(({ pendingMs, dueMs }) => (pendingMs === undefined ? [] : [pendingMs - dueMs]));
}

/** From the decision until the request had ended: executed, or denied. */
function executedLags(made: readonly Soaked[]): readonly number[] {
  return made.flatMap(({ decidedMs, ended }) =>
    decidedMs === undefined || ended === undefined ? [] : [ended.ms - decidedMs],
  );
}

/** Median and 99th percentile, for people to read. */
function halfAndMost(lagsMs: readonly number[]): string {
  return [0.5, 0.99].map((share) => quantile(lagsMs, share).toFixed(0)).join(' / ');
}
