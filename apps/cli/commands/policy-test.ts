import type { Command } from 'commander';

import { loadPolicyTests } from '../../../policy-files/tests.ts';
import {
  runPolicyTests,
  type MissedRule,
  type PolicyTestReport,
  type PolicyTestResult,
} from '../../../policy-authoring/policy-test.ts';
import { withJson } from '../connection.ts';
import { silentFailure } from '../exit.ts';
import { loadFolder, refuseProblems, type PolicyOptions } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { valuesText } from '../text/evaluation.ts';
import { factLines, tableLines } from '../text/table.ts';
import { toned, tonedWord } from '../text/tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface TestOptions extends PolicyOptions {
  readonly requireCoverage?: boolean;
}

export function addPolicyTest(policy: Command, terminal: Terminal): void {
  withJson(policy.command('test <folder>'))
    .description('run the tests of a policy folder (tests/*.yaml) against its rules')
    .option('--require-coverage', 'fail if a rule is reached by no test')
    .action((folder: string, options: TestOptions) => test(folder, options, terminal));
}

async function test(folder: string, options: TestOptions, terminal: Terminal): Promise<void> {
  const { policy, digest } = await loadFolder(folder, options, terminal);
  const loaded = await loadPolicyTests(folder, policy);
  if (!loaded.ok) throw refuseProblems(loaded.problems, options, terminal);
  const report = failuresLast(runPolicyTests(policy, loaded.tests));
  const isCovered = report.never_hit.length === 0 || options.requireCoverage !== true;
  const isOk = isCovered && report.results.every((result) => result.ok);
  const lines = [...report.results.flatMap(resultLines(report)), '', ...summaryLines(report, digest)];
  terminal.out(options.json ? JSON.stringify({ ok: isOk, digest, ...report }) : lines.join('\n'));
  if (!isOk) throw silentFailure();
}

/** Beside the count: among many passing tests nobody would find them. */
function failuresLast(report: PolicyTestReport): PolicyTestReport {
  return { ...report, results: report.results.toSorted((left, right) => Number(right.ok) - Number(left.ok)) };
}

function resultLines({ results }: PolicyTestReport): (result: PolicyTestResult, index: number) => string[] {
  const heads = tableLines(
    results.map(({ source, name, ok }) => [tonedWord(ok ? 'ok' : 'FAIL'), visible(source), visible(name)]),
  );
  return ({ failures, missed }, index) => [
    heads[index] ?? '',
    ...failures.flatMap(({ what, expected, got }) => [
      `  ${visible(what)}`,
      `    expected  ${visible(expected)}`,
      `    got       ${visible(got)}`,
    ]),
    ...(failures.length > 0 ? missed.map((rule) => `  ${missedText(rule)}`) : []),
  ];
}

const WHY_NOT: Readonly<Record<MissedRule['outcome'], string>> = {
  matched: 'matched, and does not act on this path',
  unmatched: 'did not match',
  undecided: 'cannot be decided before the request is planned',
  error: 'could not be evaluated',
};

function missedText({ id, source, outcome, read }: MissedRule): string {
  const values = read.length === 0 ? '' : `: ${valuesText(read)}`;
  return `${visible(source)} ${visible(id)} ${WHY_NOT[outcome]}${values}`;
}

function summaryLines({ results, rules, never_hit: neverHit }: PolicyTestReport, digest: string): string[] {
  const passed = results.filter(({ ok }) => ok).length;
  const failed = results.length - passed;
  const missing = neverHit.map(({ id, source }) => `${visible(id)} (${visible(source)})`).join(', ');
  return factLines(
    [
      ['tests', toned(failed > 0 ? 'alarm' : 'good', `${passed} passed, ${failed} failed`)],
      ['rule coverage', `${rules - neverHit.length}/${rules}`],
      ...(neverHit.length === 0 ? [] : [['never matched', toned('warning', missing)] as const]),
      ['policy', digest],
    ],
    '',
  );
}
