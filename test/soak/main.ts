import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { root } from '../../scripts/servers/root.ts';
import { listen } from '../bench/keyturn.ts';
import { findFullTemporal } from '../stack/full-temporal-program.ts';
import { setup } from '../stack/global-setup.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { UNBOUNDED } from '../stack/unbounded.ts';
import { brokenEvidence, brokenPromises } from './checks.ts';
import { Kills } from './kills.ts';
import { soak, type Callers, type Soaked } from './requests.ts';
import { soakLines } from './report.ts';
import { usageOf } from './usage.ts';
import { watchMemory, type Sample } from './watch.ts';

const { values } = parseArgs({
  options: {
    /** Requests a second, whatever the answers take. */
    rate: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '30' },
    /** Between two kills; 0 kills nobody. */
    'kill-seconds': { type: 'string', default: '60' },
    /** On how many requests `keyturn verify` is run. */
    verified: { type: 'string', default: '20' },
  },
});

/** A request that does not get on for so long is given up, and counts as lost. */
const STUCK_MS = 600_000;
/** Tokens outlive the run. */
const LIFETIME_SECONDS = 86_400;

const settings = {
  rate: numberOf('rate', 0.01),
  minutes: numberOf('minutes', 0.1),
  killSeconds: numberOf('kill-seconds', 0),
  verified: numberOf('verified', 1),
};

process.env['KEYTURN_TEST_DURABLE'] = 'true';
const tearDown = await setup();
try {
  const stack = await start();
  try {
    const { lines, broken } = await run(stack);
    const report = [...lines, ''].join('\n');
    const file = path.join(root, '.keyturn', 'soak.md');
    fs.writeFileSync(file, report);
    process.stdout.write(`${report}\nWritten to ${path.relative(root, file)}\n`);
    if (broken.length > 0) process.exitCode = 1;
  } finally {
    await stack.stop();
  }
} finally {
  await tearDown();
}

function numberOf(name: keyof typeof values, least: number): number {
  const number = Number(values[name]);
  if (Number.isFinite(number) && number >= least) return number;
  throw new Error(`--${name} is a number from ${least} on.`);
}

async function start(): Promise<Stack> {
  const fullTemporal = await findFullTemporal((line) => process.stderr.write(`${line}\n`));
  if (typeof fullTemporal === 'string') throw new Error(fullTemporal);
  const env = { KEYTURN_LOG_LEVEL: 'warn', KEYTURN_API_RATE: '100000', NODE_OPTIONS: '', ...UNBOUNDED };
  return startStack({ fullTemporal, apis: 2, workers: 2, env });
}

interface Outcome {
  readonly lines: readonly string[];
  /** What was lost, happened twice, or cannot be verified. */
  readonly broken: readonly string[];
}

async function run(stack: Stack): Promise<Outcome> {
  const callers = await callersOf(stack);
  const kills = new Kills([stack.workers[0], stack.apis[0], stack.workers[1], stack.apis[1]]);
  const before = await usageOf(stack, kills);
  const startedMs = performance.now();
  const made: Soaked[] = [];
  const samples = await whileWatched(stack, async () => {
    const count = Math.max(1, Math.round(settings.minutes * 60 * settings.rate));
    const soaking = soak(callers, { rate: settings.rate, count }, made).finally(() => kills.stop());
    const killing = kills.run(settings.killSeconds);
    // A program that does not come back ends the run, whatever still waits.
    await Promise.race([soaking, killing.then(() => soaking)]);
    await killing;
  });
  const after = await usageOf(stack, kills);
  await callers.changes.stop();
  const token = callers.reviewers[0] ?? '';
  const broken = [
    ...(await brokenPromises(stack, made)),
    ...(await brokenEvidence(stack, { token, made, sample: settings.verified })),
  ];
  const observed = { made, samples, kills: kills.done, startedMs, before, after, broken };
  return { lines: [JSON.stringify(settings), '', ...soakLines(observed)], broken };
}

async function callersOf(stack: Stack): Promise<Callers> {
  const exp = Math.floor(Date.now() / 1_000) + LIFETIME_SECONDS;
  const [agent, ...reviewers] = await Promise.all([
    stack.issuer.agentToken('agent-billing', { claims: { exp } }),
    stack.issuer.humanToken('olga', { exp }),
    stack.issuer.humanToken('dmitri', { exp }),
  ]);
  return { stack, changes: await listen(stack, STUCK_MS), agent, reviewers };
}

async function whileWatched(stack: Stack, work: () => Promise<void>): Promise<readonly Sample[]> {
  const watching = new AbortController();
  const watched = watchMemory(stack, watching.signal);
  try {
    await work();
  } finally {
    watching.abort();
  }
  return watched;
}
