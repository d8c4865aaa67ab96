import type { Verdict } from './trial.ts';

/** One tried statement, for the report. */
export interface Tried {
  readonly subject: string;
  readonly text: string;
  readonly verdict: Verdict;
}

/** The counts of a run as a table. */
export function countsOf(tried: readonly Tried[]): string {
  const subjects = [...new Set(tried.map(({ subject }) => subject))];
  const lines = subjects.map((subject) =>
    lineOf(
      subject,
      tried.filter((one) => one.subject === subject),
    ),
  );
  const all = subjects.length > 1 ? [lineOf('all', tried)] : [];
  return [HEAD, ...lines, ...all, ...reasonsOf(tried)].join('\n');
}

/** How many were refused for which reason. */
function reasonsOf(tried: readonly Tried[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { verdict } of tried)
    if (verdict.kind === 'refused') counts.set(verdict.code, (counts.get(verdict.code) ?? 0) + 1);
  const parts = [...counts].sort(([, left], [, right]) => right - left);
  return parts.length === 0
    ? []
    : [`refused: ${parts.map(([code, count]) => `${count} ${code}`).join(', ')}`];
}

/** The table, what was refused, with its reason, and what was wrong. */
export function reportOf(tried: readonly Tried[]): string {
  return [countsOf(tried), ...refusals(tried), ...wrongOf(tried).map((line) => `  wrong ${line}`)].join('\n');
}

const HEAD = `${'corpus'.padEnd(24)}  true  undone  counts  stopped  refused  wrong`;

function lineOf(name: string, tried: readonly Tried[]): string {
  const count = (isCounted: (verdict: Verdict) => boolean): string =>
    String(tried.filter(({ verdict }) => isCounted(verdict)).length);
  const cells = [
    count(({ kind }) => kind === 'true').padStart(4),
    count((verdict) => 'isUndone' in verdict && verdict.isUndone).padStart(6),
    count(({ kind }) => kind === 'counts').padStart(6),
    count(({ kind }) => kind === 'stopped').padStart(7),
    count(({ kind }) => kind === 'refused').padStart(7),
    count(({ kind }) => kind === 'wrong').padStart(5),
  ];
  return [name.padEnd(24), ...cells].join('  ');
}

function refusals(tried: readonly Tried[]): readonly string[] {
  return tried.flatMap(({ text, verdict }) =>
    verdict.kind === 'refused'
      ? [`  refused ${verdict.code}: ${oneLine(text)}\n    ${oneLine(verdict.detail)}`]
      : [],
  );
}

/** Statements whose plan was wrong, with what was wrong; the corpus requires that there is none. */
export function wrongOf(tried: readonly Tried[]): readonly string[] {
  return tried.flatMap(({ subject, text, verdict }) =>
    verdict.kind === 'wrong'
      ? [
          `${subject}: ${oneLine(text)}\n${verdict.problems
            .slice(0, 6)
            .map((line) => `    ${line}`)
            .join('\n')}`,
        ]
      : [],
  );
}

const LINE_CHARACTERS_MAX = 300;

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, LINE_CHARACTERS_MAX);
}
