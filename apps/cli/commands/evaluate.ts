import type { Command } from 'commander';

import type { EvaluationAnswer } from '../../../contract/evaluate.ts';
import { exact, readAction, withArguments, type ActionOptions } from '../arguments.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { silentFailure } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { factLines } from '../text/table.ts';
import { tonedWord } from '../text/tone.ts';
import { clockText, duration } from '../../../domain/cards/words.ts';
import { visible } from '../../../domain/cards/visible.ts';

export function addEvaluate(program: Command, terminal: Terminal): void {
  withArguments(withApi(program.command('evaluate <action> <target>')))
    .description('show what policy would decide now, without making a request; exit code 1 if it forbids')
    .action(async (action: string, target: string, options: ApiOptions & ActionOptions) => {
      const body = exact(await readAction(action, target, options));
      const answer = await (await clientOf(options, terminal)).evaluate(body);
      terminal.out(options.json ? JSON.stringify(answer) : evaluationLines(answer).join('\n'));
      if (answer.effect === 'forbid') throw silentFailure();
    });
}

const EFFECTS: Readonly<Record<EvaluationAnswer['effect'], string>> = {
  allow: 'It would be allowed without an approval.',
  review: 'People would have to approve it.',
  forbid: 'It would be denied.',
  undecided: 'This is only known once it is planned.',
};

function undecidedLines({ undecided, undecided_rules: described }: EvaluationAnswer): readonly string[] {
  if (described.length > 0 || undecided.length === 0) return described.map(undecidedLine);
  return [`  not known before planning: ${undecided.map(visible).join(', ')}`];
}

function undecidedLine({ id, effect, stages, because }: EvaluationAnswer['undecided_rules'][number]): string {
  const seats = stages
    .map(({ any, quorum }) => `${quorum} of ${any.map(visible).join(' or ')}`)
    .join(' and ');
  const would = effect === 'review' ? `review by ${seats}` : effect;
  return `  rule ${visible(id)} depends on the plan; if it matches: ${would}${because === null ? '' : ` (${visible(because)})`}`;
}

function evaluationLines(answer: EvaluationAnswer): string[] {
  return [
    `${tonedWord(answer.effect)}: ${EFFECTS[answer.effect]}`,
    ...factLines(answer.rules.map(({ id, because }) => [`rule ${visible(id)}`, visible(because ?? '')])),
    ...(answer.requirement?.rules ?? []).flatMap(({ rule, stages, expires_ms, clock }) =>
      stages.map(
        ({ any, quorum }) =>
          `  needs ${quorum} of ${any.map(visible).join(' or ')} (rule ${visible(rule)}, expires after ${duration(expires_ms)}${visible(clockText(clock))})`,
      ),
    ),
    ...undecidedLines(answer),
    ...(answer.is_degraded ? ['  Something could not be evaluated and counts as stricter.'] : []),
    'Nothing was requested: this is what policy says now.',
  ];
}
