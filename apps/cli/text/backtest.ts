import type { BacktestDifference, BacktestReport } from '../../../policy-authoring/backtest.ts';
import { EFFECTS } from '../../../policy-authoring/strictness.ts';
import { countText, evaluationText, ruleText } from './evaluation.ts';
import { tableLines } from './table.ts';
import { toned } from './tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

const WEEK_MS = 7 * 86_400_000;

/** A report for people. `spanMs` is how long the records were collected. */
export function backtestLines(report: BacktestReport, spanMs: number): string[] {
  return [
    headLine(report),
    ...matrixLines(report),
    ...loosenedLines(report),
    ...loadLines(report, spanMs),
    ...peopleLines(report),
    ...suggestionLines(report),
    `result ${report.digest}`,
  ];
}

function headLine({ evaluations, facts_missing: missing, facts_erased: erased }: BacktestReport): string {
  return [
    `${countText(evaluations, 'evaluation')}, 2 policies`,
    `facts missing in ${missing.toLocaleString('en-US')} (counted as stricter)`,
    ...(erased > 0 ? [`facts erased in ${erased.toLocaleString('en-US')} (skipped)`] : []),
  ].join(', ');
}

function matrixLines({ matrix }: BacktestReport): string[] {
  const rows = EFFECTS.map((from) => EFFECTS.map((to) => matrix[from][to].toLocaleString('en-US')));
  const width = Math.max(8, ...rows.flat().map((cell) => cell.length));
  const line = (head: string, cells: readonly string[]): string =>
    `  ${head.padEnd(8)}${cells.map((cell) => cell.padStart(width + 2)).join('')}`;
  return [line('->', EFFECTS), ...rows.map((cells, index) => line(EFFECTS[index] ?? '', cells))];
}

function loosenedLines({ loosened, loosened_first: first, tightened }: BacktestReport): string[] {
  const head =
    loosened > 0 ? toned('warning', `${loosened.toLocaleString('en-US')} LOOSENED`) : 'none loosened';
  return [
    `${head}, ${tightened.toLocaleString('en-US')} tightened`,
    ...first.flatMap(differenceLines),
    ...moreLine(loosened, first.length),
  ];
}

/** One evaluation that the two policies see differently. */
export function differenceLines(difference: BacktestDifference): string[] {
  const { request, round, action, target, base, candidate, is_looser: isLooser } = difference;
  return [
    `  ${isLooser ? toned('warning', 'LOOSENED') : 'tightened'} ${visible(request)} round ${round}, ${visible(action)} on ${visible(target)}`,
    `    ${evaluationText(base)}`,
    ...base.rules.map((rule) => `      ${ruleText(rule)}`),
    `    -> ${evaluationText(candidate)}`,
    ...candidate.rules.map((rule) => `      ${ruleText(rule)}`),
  ];
}

function loadLines({ load }: BacktestReport, spanMs: number): string[] {
  const weeks = spanMs / WEEK_MS;
  const perWeek = (count: number): string =>
    (count / weeks).toLocaleString('en-US', { maximumFractionDigits: 1 });
  const rows = load.map(({ selector, base, candidate, people }) => [
    `  ${visible(selector)}`,
    `${perWeek(base)} -> ${perWeek(candidate)}`,
    people.base === null || people.candidate === null ? '' : `${people.base} -> ${people.candidate} people`,
  ]);
  return rows.length === 0 ? [] : ['reviews per week, by who would approve', ...tableLines(rows)];
}

function peopleLines(report: BacktestReport): string[] {
  const { unsatisfiable, unsatisfiable_first: short, unknown = 0 } = report;
  const { insufficient, insufficient_first: few } = report;
  const before = report.unsatisfiable_base.toLocaleString('en-US');
  return [
    `too few people could approve: ${countText(unsatisfiable, 'request')} (before: ${before})`,
    ...short.map(({ request, round, shortages }) => {
      const rules = shortages.map(
        ({ rule, seats, fillable, unknown: others }) =>
          `${visible(rule)} needs ${seats}, has ${fillable}${others === undefined ? '' : ' that are known'}`,
      );
      return `  ${visible(request)} round ${round}: ${rules.join('; ')}`;
    }),
    ...moreLine(unsatisfiable, short.length),
    ...(unknown === 0
      ? []
      : [
          `not decidable, because not all members of a group or rotation are known: ${countText(unknown, 'request')}`,
        ]),
    `already approved requests whose approvals would no longer suffice: ${insufficient.toLocaleString('en-US')}`,
    ...few.map(({ request, round }) => `  ${visible(request)} round ${round}`),
    ...moreLine(insufficient, few.length),
  ];
}

function suggestionLines({ suggestions }: BacktestReport): string[] {
  if (suggestions.length === 0) return [];
  return [
    'allow rules that history would support (always approved, never denied, expired or failed, low risk): for people to judge',
    ...suggestions.flatMap(({ yaml }) => yaml.split('\n').map((line) => `  ${visible(line)}`)),
  ];
}

function moreLine(count: number, shown: number): string[] {
  return count > shown ? [`  … ${(count - shown).toLocaleString('en-US')} more (--limit)`] : [];
}
