import fs from 'node:fs';
import path from 'node:path';

import { root } from '../../scripts/servers/root.ts';
import { startStack, type StackOptions } from '../stack/stack.ts';
import { startKeyturn } from './keyturn.ts';
import { closedLoop } from './measure.ts';
import type { Subject } from './subject.ts';

const SHOWN = 10;
const CALLERS = 4;
const WARM_UP = 10;

/** What V8 writes for `--cpu-prof`, one file a thread; times are microseconds of the machine's monotonic clock. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Where worker and API spend their CPU between create and executed, by self time. A stack of its own, so that the profiler
 * slows down nothing that is measured. Answers lines of tables.
 */
export async function profileLines(options: StackOptions, requests: number): Promise<readonly string[]> {
  const folder = path.join(root, '.keyturn', 'bench-profile');
  fs.rmSync(folder, { recursive: true, force: true });
  const env = { ...options.env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  const stack = await startStack({ ...options, env });
  const pids = { worker: stack.workers[0]?.pid() ?? 0, API: stack.apis[0]?.pid() ?? 0 };
  let window: Window;
  try {
    const product = await startKeyturn(stack);
    await carryThrough(product, WARM_UP);
    const fromUs = nowUs();
    await carryThrough(product, requests);
    window = { fromUs, toUs: nowUs() };
    await product.stop();
  } finally {
    // A program writes its profile when it ends.
    await stack.stop();
  }
  return Object.entries(pids).flatMap(([name, pid]) =>
    tablesOf(name, selfTimes(profilesOf(folder, pid), window), requests),
  );
}

async function carryThrough(subject: Subject, count: number): Promise<void> {
  await closedLoop(CALLERS, count, async () => {
    const id = await subject.create();
    await subject.waitPending(id);
    await subject.decide(id);
    await subject.waitExecuted(id);
  });
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function profilesOf(folder: string, pid: number): readonly CpuProfile[] {
  const files = fs.readdirSync(folder).filter((file) => file.split('.')[3] === String(pid));
  if (files.length === 0) throw new Error(`Process ${pid} left no CPU profile in ${folder}.`);
  return files.map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as CpuProfile);
}

/** Microseconds by frame, of all threads together. */
type SelfTimes = ReadonlyMap<string, { readonly frame: CallFrame; us: number }>;

function selfTimes(profiles: readonly CpuProfile[], { fromUs, toUs }: Window): SelfTimes {
  const times = new Map<string, { frame: CallFrame; us: number }>();
  for (const { nodes, startTime, samples, timeDeltas } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    let atUs = startTime;
    samples.forEach((node, index) => {
      // The difference to the sample before: that sample's frame ran so long.
      atUs += timeDeltas[index] ?? 0;
      const us = timeDeltas[index + 1] ?? 0;
      const frame = frames.get(node);
      if (!frame || isWaiting(frame) || atUs < fromUs || atUs > toUs) return;
      const key = `${frame.url} ${frame.functionName} ${frame.lineNumber}`;
      const found = times.get(key) ?? { frame, us: 0 };
      found.us += us;
      times.set(key, found);
    });
  }
  return times;
}

/** `(program)` is native code, or a thread that waits for another one: the profiler does not tell them apart. */
function isWaiting({ functionName }: CallFrame): boolean {
  return functionName === '(idle)' || functionName === '(program)';
}

interface Row {
  readonly name: string;
  readonly us: number;
  /** Where in it most of the time goes. */
  readonly hottest: string;
}

function tablesOf(program: string, times: SelfTimes, requests: number): readonly string[] {
  const all = [...times.values()];
  const wholeUs = all.reduce((sum, { us }) => sum + us, 0);
  const own = all.filter(({ frame }) => packageOf(frame) === null);
  const foreign = all.filter(({ frame }) => packageOf(frame) !== null);
  const table = (title: string, rows: readonly Row[]): readonly string[] => [
    `| CPU profile of the ${program}: ${title} | ms a request | share | hottest function |`,
    '| --- | ---: | ---: | --- |',
    ...rows
      .toSorted((left, right) => right.us - left.us)
      .slice(0, SHOWN)
      .map(
        ({ name, us, hottest }) =>
          `| ${name} | ${(us / 1_000 / requests).toFixed(2)} | ${((us / wholeUs) * 100).toFixed(1)} % | ${hottest} |`,
      ),
    '',
  ];
  return [...table('own frames', own.map(ownRow)), ...table('packages', rowsByPackage(foreign))];
}

function ownRow({ frame, us }: { frame: CallFrame; us: number }): Row {
  return { name: fileOf(frame), us, hottest: frame.functionName || '(anonymous)' };
}

function rowsByPackage(
  frames: readonly { readonly frame: CallFrame; readonly us: number }[],
): readonly Row[] {
  const groups = Map.groupBy(frames, ({ frame }) => packageOf(frame) ?? '');
  return [...groups].map(([name, group]) => {
    const hottest = group.reduce((most, each) => (each.us > most.us ? each : most));
    return { name, us: group.reduce((sum, { us }) => sum + us, 0), hottest: locationOf(hottest.frame) };
  });
}

/** Null: Keyturn's own code. Modules of Node count as the package `node`, what has no file by its name. */
function packageOf({ url, functionName }: CallFrame): string | null {
  const inside = url.split('/node_modules/').at(1);
  if (inside !== undefined) return /^(@[^/]+\/)?[^/]+/.exec(inside)?.[0] ?? inside;
  if (url.includes('/dist/')) return null;
  if (url.startsWith('node:')) return 'node';
  if (url.startsWith('wasm:')) return 'WebAssembly';
  return functionName.startsWith('(') ? functionName : 'native functions';
}

function fileOf({ url, lineNumber }: CallFrame): string {
  return `${url.split('/dist/').at(-1)}:${lineNumber + 1}`;
}

function locationOf(frame: CallFrame): string {
  const file = frame.url.split('/').at(-1);
  return `${frame.functionName || '(anonymous)'} ${file ? `(${file}:${frame.lineNumber + 1})` : ''}`.trim();
}
