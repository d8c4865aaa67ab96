import { Worker } from 'node:worker_threads';

import { Backtest } from '../../policy-authoring/backtest.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { parseExpression, isParsed, type ParsedExpression } from '../../domain/conditions/engine.ts';
import { bindFacts, type BoundFacts } from '../../domain/conditions/binding.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { factValues, ruleFactTypes, type PolicyFacts } from '../../domain/policy/built-in-facts.ts';
import type { PolicySources } from '../../policy-files/folder.ts';
import type { CheckWork, PolicyFindings } from '../../policy-files/validation.ts';
import { sourcesOf } from '../policy-files/decompile.ts';
import { compiled } from '../stack/databases.ts';
import { median, quantile } from './measure.ts';
import {
  conditionNumbered,
  HOSTILE_CONDITIONS,
  hostileRequests,
  policyOfScale,
  recordOf,
  requestsOn,
  scannedConditions,
} from './policy-subject.ts';

/** How much is measured. */
export interface PolicyBenchScale {
  readonly rounds: number;
  readonly batches: number;
  readonly records: number;
}

interface Figure {
  readonly figure: string;
  readonly measured: string;
  readonly aim: string;
  readonly isMet: boolean;
}

const BATCH = 40;
const REQUESTS = 2_000;

/**
 * Measures policy alone, without database and network. Each ratio is of two sides that take turns within one run, so a
 * slow moment of the machine touches both. Answers lines of a table.
 */
export async function measurePolicy(scale: PolicyBenchScale): Promise<readonly string[]> {
  const figures = [
    ...decisionTimes(scale),
    ...rulesRatios(scale),
    ...rawRatios(scale),
    scanRatio(scale),
    backtestRate(scale),
    hostile(scale),
    ...(await loading()),
  ];
  return [
    '| policy | measured | aim | |',
    '| --- | ---: | --- | --- |',
    ...figures.map(
      ({ figure, measured, aim, isMet }) =>
        `| ${figure} | ${measured} | ${aim} | ${isMet ? 'met' : 'not met'} |`,
    ),
    '',
  ];
}

/** Something measured: a call on each of the requests in turn. */
interface Side {
  readonly call: (facts: PolicyFacts) => unknown;
  readonly requests: readonly PolicyFacts[];
}

/** The median time of one call of each side, in microseconds. Sides take turns; the first turn warms them up. */
function mediansUs(sides: readonly Side[], { rounds, batches }: PolicyBenchScale): readonly number[] {
  const times = sides.map((): number[] => []);
  for (let round = -1; round < rounds; round += 1) {
    sides.forEach((side, index) => {
      const measured = batchesUs(side, batches);
      if (round >= 0) times[index]?.push(...measured);
    });
  }
  return times.map(median);
}

function batchesUs({ call, requests }: Side, batches: number): readonly number[] {
  let next = 0;
  return Array.from({ length: batches }, () => {
    const startedAt = performance.now();
    for (let index = 0; index < BATCH; index += 1) {
      const facts = requests[next];
      if (facts) call(facts);
      next = (next + 1) % requests.length;
    }
    return ((performance.now() - startedAt) * 1_000) / BATCH;
  });
}

function evaluating(policy: PolicySet): Side {
  return { call: (facts) => evaluate(policy, facts, 'planned'), requests: requestsOn(policy, REQUESTS) };
}

function rulesRatios(scale: PolicyBenchScale): readonly Figure[] {
  const sizes = [10, 1_000, 5_000].map((rules) => evaluating(policyOfScale({ rules, candidates: 5 })));
  const [ten = 1, thousand = 1, more = 1] = mediansUs(sizes, scale);
  const shown = `${thousand.toFixed(1)} µs`;
  return [
    atMost(`a decision at 1,000 rules (${shown}) / at 10 rules, 5 candidates`, thousand / ten, 1.3),
    atMost('the same at 5,000 rules', more / ten, 1.6),
  ];
}

/** Beside the expression library alone: one condition after the other on variables that are ready. */
function rawRatios(scale: PolicyBenchScale): readonly Figure[] {
  const [five, one] = [5, 1].map((candidates) => {
    const policy = policyOfScale({ rules: 1_000, candidates, hasRisk: false });
    const [whole = 1, raw = 1] = mediansUs([evaluating(policy), rawSide(policy)], scale);
    return (candidates / whole) * (raw / RAW_CONDITIONS.length);
  });
  return [
    atLeast('conditions/s in decisions of 5 conditions / of the bare library', five ?? 0, 0.4),
    atLeast('the same in decisions of 1 condition', one ?? 0, 0.15),
  ];
}

/** One of each kind. */
const RAW_CONDITIONS = Array.from({ length: 10 }, (_, index) => conditionNumbered(index));

function rawSide(policy: PolicySet): Side {
  const programs = RAW_CONDITIONS.map(programOf);
  const bound = new Map(requestsOn(policy, REQUESTS).map((facts) => [facts, boundFor(policy, facts)]));
  const unbounded = { left: Infinity };
  return {
    requests: [...bound.keys()],
    call: (facts) => {
      const values = bound.get(facts)?.values ?? new Map();
      for (const program of programs) program.run(values, unbounded);
    },
  };
}

function boundFor(policy: PolicySet, facts: PolicyFacts): BoundFacts {
  const action = policy.actions.find(({ action: name }) => name === facts.action);
  if (!action) throw new Error('The bench asks about an action that it does not have.');
  return bindFacts(ruleFactTypes(policy, action), factValues(policy, facts));
}

function programOf(text: string): ParsedExpression {
  const parsed = parseExpression(text);
  if (!isParsed(parsed)) throw new Error(`${text}: ${parsed.message}`);
  return parsed;
}

/** Without an index every rule's condition is asked, wherever it applies. */
function scanRatio(scale: PolicyBenchScale): Figure {
  const policy = policyOfScale({ rules: 1_000, candidates: 5 });
  const programs = scannedConditions(policy).map(programOf);
  const scan: Side = {
    requests: requestsOn(policy, REQUESTS),
    call: (facts) => {
      const { values, steps } = boundFor(policy, facts);
      return programs.filter((program) => program.run(values, steps) === true);
    },
  };
  const few = { ...scale, batches: Math.ceil(scale.batches / 50) };
  const [indexed = 1] = mediansUs([evaluating(policy)], scale);
  const [scanned = 1] = mediansUs([scan], few);
  return atLeast('a scan of 1,000 rules / a decision', scanned / indexed, 100);
}

function backtestRate({ records }: PolicyBenchScale): Figure {
  const [base, candidate] = [policyOfScale({ rules: 1_000, candidates: 5 }), changed()];
  const recorded = requestsOn(base, records).map(recordOf);
  const run = (): number => {
    const backtest = new Backtest(base, candidate);
    const startedAt = process.cpuUsage();
    for (const record of recorded) backtest.add(record);
    const { user, system } = process.cpuUsage(startedAt);
    return (records * 1_000_000) / (user + system);
  };
  run();
  const rate = median([run(), run(), run()]);
  return {
    figure: 'backtest of two policies of 1,000 rules, requests a CPU second',
    measured: rate.toFixed(0),
    aim: '≥ 100,000',
    isMet: rate >= 100_000,
  };
}

/** Another policy of the same rules. */
function changed(): PolicySet {
  const policy = policyOfScale({ rules: 1_000, candidates: 5 });
  const rules = policy.rules.map((rule, index) =>
    index % 50 === 0 ? { ...rule, when: 'plan.rows > 500' } : rule,
  );
  return { ...policy, rules };
}

function hostile({ batches }: PolicyBenchScale): Figure {
  const usual = policyOfScale({ rules: 1_000, candidates: 5 });
  const rules = usual.rules.map((rule, index) => ({
    ...rule,
    when: HOSTILE_CONDITIONS[index % HOSTILE_CONDITIONS.length] ?? 'true',
  }));
  const policy = { ...usual, rules };
  const timesMs = decisionTimesMs(policy, hostileRequests(policy, 500), batches * 2);
  return below('a decision on hostile arguments at 1,000 rules, p99 ms', quantile(timesMs, 0.99), 5);
}

function decisionTimes({ batches }: PolicyBenchScale): readonly Figure[] {
  const policy = policyOfScale({ rules: 1_000, candidates: 5 });
  const timesMs = decisionTimesMs(policy, requestsOn(policy, REQUESTS), batches * BATCH);
  const [half, most] = [0.5, 0.99].map((share) => quantile(timesMs, share) * 1_000);
  return [
    atMost('a decision at 1,000 rules, 5 candidates, p50 µs', half ?? Number.NaN, 10),
    atMost('the same, p99 µs', most ?? Number.NaN, 100),
  ];
}

const WARM_UP = 500;

/** One by one, so that the slow ones are seen; the first ones warm up. */
function decisionTimesMs(policy: PolicySet, requests: readonly PolicyFacts[], count: number): number[] {
  const timesMs: number[] = [];
  for (let index = -WARM_UP; index < count; index += 1) {
    const facts = requests[(index + WARM_UP) % requests.length];
    const startedAt = performance.now();
    if (facts) evaluate(policy, facts, 'planned');
    if (index >= 0) timesMs.push(performance.now() - startedAt);
  }
  return timesMs;
}

/** How long a new policy is checked beside the work, and how long taking it in use stops the work. */
async function loading(): Promise<readonly Figure[]> {
  const policy = policyOfScale({ rules: 1_000, candidates: 5 });
  const stopwatch = performance.now();
  await checked(policy);
  const seconds = (performance.now() - stopwatch) / 1_000;
  const pauses = Array.from({ length: 5 }, () => policyOfScale({ rules: 1_000, candidates: 5 })).map(pauseMs);
  const pause = median(pauses);
  return [
    {
      figure: 'checking 1,000 rules on a thread of its own, seconds',
      measured: seconds.toFixed(2),
      aim: '≤ 1',
      isMet: seconds <= 1,
    },
    {
      figure: 'pause of the process when it takes 1,000 new rules in use, ms',
      measured: pause.toFixed(1),
      aim: '≤ 1',
      isMet: pause <= 1,
    },
  ];
}

/** As the worker does it before a policy is published. */
async function checked(policy: PolicySet): Promise<void> {
  const workerData: CheckWork = { sources: JSON.stringify(inFewFiles(sourcesOf(policy))) };
  const thread = new Worker(compiled('policy-files/checker-thread.js'), { workerData });
  const { problems } = await new Promise<PolicyFindings>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  await thread.terminate();
  if (problems.length > 0) throw new Error(`The policy of the bench is not one: ${problems.join('; ')}`);
}

/** A folder holds fewer files than a large policy has rules, and a file no more than so many. */
const RULES_OF_FILE = 200;

function inFewFiles({ files, environment }: PolicySources): PolicySources {
  const names = Object.keys(files).filter((name) => name.startsWith('rules/'));
  const rules = names.flatMap((name) => JSON.parse(files[name] ?? '[]') as readonly unknown[]);
  const kept = Object.entries(files).filter(([name]) => !names.includes(name));
  const merged = Array.from({ length: Math.ceil(rules.length / RULES_OF_FILE) }, (_, index) => [
    `rules/part-${index}.yaml`,
    JSON.stringify(rules.slice(index * RULES_OF_FILE, (index + 1) * RULES_OF_FILE)),
  ]);
  return { files: Object.fromEntries([...kept, ...merged]) as Record<string, string>, environment };
}

/** All that happens in one go when a process meets a policy for the first time: read it, check it, ask it. */
function pauseMs(policy: PolicySet): number {
  const stored = JSON.stringify(policy);
  const [facts] = requestsOn(policy, 1);
  const digest = policyDigest(policy);
  const startedAt = performance.now();
  const body = JSON.parse(stored) as PolicySet;
  if (policyDigest(body) !== digest) throw new Error('The digest of a policy changed on its way.');
  if (facts) evaluate(body, facts, 'planned');
  return performance.now() - startedAt;
}

function atMost(figure: string, value: number, aim: number): Figure {
  return { figure, measured: value.toFixed(2), aim: `≤ ${aim}`, isMet: value <= aim };
}

function below(figure: string, value: number, aim: number): Figure {
  return { figure, measured: value.toFixed(2), aim: `< ${aim}`, isMet: value < aim };
}

function atLeast(figure: string, ratio: number, aim: number): Figure {
  return { figure, measured: ratio.toFixed(2), aim: `≥ ${aim}`, isMet: ratio >= aim };
}
