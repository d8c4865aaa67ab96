import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { root } from '../../scripts/servers/root.ts';
import { setup } from '../stack/global-setup.ts';
import { testPostgresPid } from '../stack/databases.ts';
import { findFullTemporal, type FullTemporalPrograms } from '../stack/full-temporal-program.ts';
import { startStack, type Stack, type StackOptions } from '../stack/stack.ts';
import { UNBOUNDED } from '../stack/unbounded.ts';
import { measureConsole } from './console.ts';
import { measureGate } from './gate.ts';
import { listLatency, memoryWhileHolding, type Held } from './hold.ts';
import { benchStatement, startKeyturn } from './keyturn.ts';
import { linesOf, measureInTurn, type Line, type Scale, type Surroundings } from './phases.ts';
import { measurePolicy } from './policy.ts';
import { findPids } from './processes.ts';
import { profileLines } from './profile.ts';
import { startRaw } from './raw.ts';
import { bareRehearsalMs } from './rehearsal.ts';
import { startLines } from './start.ts';
import type { Subject } from './subject.ts';

const { values } = parseArgs({
  options: {
    /** 10,000 held requests instead of 1,000. */
    full: { type: 'boolean', default: false },
    /** A small run that only shows that the bench works. */
    smoke: { type: 'boolean', default: false },
    /** `development`, or `full`: the production server on PostgreSQL, built on first use. */
    server: { type: 'string', default: 'development' },
    /** How often the rounds are measured, so that the spread is seen: twice on the full server, else once. */
    runs: { type: 'string' },
    /** Only answers on the spot. */
    gate: { type: 'boolean', default: false },
    /** Only the CPU profile of worker and API. */
    profile: { type: 'boolean', default: false },
    /** Only policy, without servers. */
    policy: { type: 'boolean', default: false },
    /** Only pages of the console, their calls, and changes told to many consoles. */
    console: { type: 'boolean', default: false },
  },
});

const SCALE: Scale = values.smoke
  ? { callers: [1, 4], createsPerCaller: 5, rounds: 1, decisions: 5, decisionsAtOnce: 4 }
  : { callers: [1, 16, 64], createsPerCaller: 8, rounds: 3, decisions: 30, decisionsAtOnce: 32 };

const report = values.policy ? [...machine(), '', ...(await policyLines())].join('\n') : await onServers();
const file = path.join(root, '.keyturn', 'bench.md');
fs.mkdirSync(path.dirname(file), { recursive: true });
fs.writeFileSync(file, report);
process.stdout.write(`${report}\nWritten to ${path.relative(root, file)}\n`);

async function onServers(): Promise<string> {
  process.env['KEYTURN_TEST_DURABLE'] = 'true';
  const tearDown = await setup();
  try {
    if (values.profile) return [...machine(), '', ...(await profile(await stackOptions()))].join('\n');
    if (values.console) return [...machine(), '', ...(await consoleLines(await stackOptions()))].join('\n');
    return values.gate ? await gateReport() : await measure();
  } finally {
    await tearDown();
  }
}

function policyLines(): Promise<readonly string[]> {
  return measurePolicy(
    values.smoke ? { rounds: 1, batches: 10, records: 500 } : { rounds: 5, batches: 400, records: 20_000 },
  );
}

async function gateReport(): Promise<string> {
  const scale = values.smoke
    ? { rounds: 1, callsAlone: 20, callsTogether: 64 }
    : { rounds: 3, callsAlone: 150, callsTogether: 600 };
  return [...machine(), '', ...(await measureGate(scale))].join('\n');
}

async function measure(): Promise<string> {
  const policy = await policyLines();
  const starts = await startLines(values.smoke ? 1 : 3);
  const options = await stackOptions();
  const figures = await servedFigures(options);
  const console = await consoleLines(options);
  return [...figures, ...console, ...policy, ...starts, ...(await profile(options))].join('\n');
}

function consoleLines(options: StackOptions): Promise<readonly string[]> {
  const scale = values.smoke
    ? { pending: 200, closed: 400, calls: 9, loads: 1, consoles: 20, changed: 1 }
    : { pending: 10_000, closed: 200_000, calls: 90, loads: 8, consoles: 200, changed: 4 };
  return measureConsole(options, scale);
}

function profile(options: StackOptions): Promise<readonly string[]> {
  return profileLines(options, values.smoke ? 5 : 60);
}

async function stackOptions(): Promise<StackOptions> {
  const fullTemporal = await chosenServer();
  const env = { KEYTURN_LOG_LEVEL: 'warn', KEYTURN_API_RATE: '100000', NODE_OPTIONS: '', ...UNBOUNDED };
  return { env, ...(fullTemporal ? { fullTemporal } : {}) };
}

async function servedFigures(options: StackOptions): Promise<readonly string[]> {
  const stack = await startStack(options);
  const { address, namespace } = stack.temporalService;
  const raw = await startRaw(stack.temporal, address, namespace);
  const product = await startKeyturn(stack);
  try {
    const serverPids = serverPidsOf(stack);
    const databasePid = testPostgresPid();
    const surroundings = { temporal: stack.temporal, serverPids, databasePid };
    const runs: (readonly Line[])[] = [];
    while (runs.length < runCount()) runs.push(await oneRun([raw, product], stack, surroundings));
    const lists = [await listLatency(stack, 1_000), await listLatency(stack, values.smoke ? 2_000 : 200_000)];
    await stack.keyturnDb.query(`delete from keyturn.request where not exists
      (select from audit.entry where entry.request = request.id)`);
    const holders = { subject: product, serverPids, databasePid };
    const held = await memoryWhileHolding(holders, holding());
    return table({ runs, lists, held });
  } finally {
    await product.stop();
    await raw.stop();
    await stack.stop();
  }
}

/** The figures of all rounds once. */
async function oneRun(
  [raw, product]: readonly [Subject, Subject],
  stack: Stack,
  surroundings: Surroundings,
): Promise<readonly Line[]> {
  const rehearsalMs = await bareRehearsalMs(stack.target, benchStatement(0), 100);
  const figures = await measureInTurn([raw, product], SCALE, surroundings);
  const [floor, ours] = [figures.get(raw), figures.get(product)];
  if (!floor || !ours) throw new Error('Nothing was measured.');
  return linesOf({ ...floor, rehearsalMs }, { ...ours, rehearsalMs: 0 }, SCALE);
}

function runCount(): number {
  const count = Number(values.runs ?? (values.server === 'full' && !values.smoke ? 2 : 1));
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error('--runs is a whole number from 1 on.');
}

/** Undefined: the development server that everything else of the tests uses. */
async function chosenServer(): Promise<FullTemporalPrograms | undefined> {
  if (values.server === 'development') return undefined;
  if (values.server !== 'full') throw new Error('--server is `development` or `full`.');
  const found = await findFullTemporal((line) => process.stderr.write(`${line}\n`));
  if (typeof found === 'string') throw new Error(found);
  return found;
}

function serverPidsOf({ temporalService }: Stack): readonly number[] {
  if (temporalService.server) return [temporalService.server.pid()];
  return findPids('start-dev', `--port=${temporalService.address.split(':')[1]}`);
}

function holding(): readonly number[] {
  if (values.smoke) return [10, 30];
  return values.full ? [1_000, 10_000] : [100, 1_000];
}

interface Report {
  /** The same figures, measured so often. */
  readonly runs: readonly (readonly Line[])[];
  readonly lists: readonly { readonly rows: number; readonly p50Ms: number; readonly p99Ms: number }[];
  readonly held: readonly Held[];
}

function table({ runs, lists, held }: Report): readonly string[] {
  const [first = []] = runs;
  return [
    ...machine(),
    `Temporal: the ${values.server} server. One PostgreSQL holds all databases.`,
    ...(runs.length > 1 ? [`Measured ${runs.length} times: the values stand in that order.`] : []),
    '',
    '| figure | raw Temporal | Keyturn | ratio | aim |',
    '| --- | ---: | ---: | ---: | --- |',
    ...first.map(({ figure, aim }, index) => {
      const measured = runs.flatMap((lines) => lines[index] ?? []);
      const columns = [
        measured.map(({ floor }) => round(floor)),
        measured.map(({ product }) => round(product)),
        measured.map(({ floor, product }) => (floor < 1 ? '' : (product / floor).toFixed(2))),
      ];
      return `| ${figure} | ${columns.map((column) => column.join(' · ')).join(' | ')} | ${aim} |`;
    }),
    '',
    '| list of pending requests, first page | p50 ms | p99 ms |',
    '| --- | ---: | ---: |',
    ...lists.map(({ rows, p50Ms, p99Ms }) => `| ${rows} rows | ${round(p50Ms)} | ${round(p99Ms)} |`),
    '',
    '| pending requests held | worker MiB | Temporal server MiB | PostgreSQL MiB | seconds since the row above |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...held.map(
      ({ pending, workerMiB, serverMiB, databaseMiB, seconds }) =>
        `| ${pending} | ${[workerMiB, serverMiB, databaseMiB, seconds].map(round).join(' | ')} |`,
    ),
    `| growth; aim of the worker from 1,000 to 10,000: ≤ 64 | ${growthsMiB(held).map(round).join(' | ')} | |`,
    '',
  ];
}

/** Of worker, server and database, from the first number of requests to the last. */
function growthsMiB(held: readonly Held[]): readonly number[] {
  const [first, last] = [held[0], held.at(-1)];
  return (['workerMiB', 'serverMiB', 'databaseMiB'] as const).map(
    (whose) => (last?.[whose] ?? Number.NaN) - (first?.[whose] ?? Number.NaN),
  );
}

function machine(): readonly string[] {
  const cpu = os.cpus();
  return [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${cpu.length} × ${cpu[0]?.model ?? 'unknown'}, Node ${process.version};`,
    'driver, servers, API and worker share the machine. Rounds of both sides alternate.',
  ];
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
