import type { Command } from 'commander';

import { withJson } from '../connection.ts';
import { silentFailure, usageError } from '../exit.ts';
import type { ReplayedHistory } from '../replayer.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface ReplayOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly history?: string;
  readonly bundle?: string;
}

export function addReplay(program: Command, terminal: Terminal): void {
  withJson(program.command('replay [id]'))
    .summary("replay recorded histories against today's workflow code")
    .description(
      "replay recorded histories against today's workflow code (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and so on)",
    )
    .option('--all', 'every request that the Temporal server still keeps')
    .option('--history <file>', 'a history that was saved as JSON, without a server')
    .option('--bundle <file>', 'the workflow code, instead of the one that was built')
    .action(async (id: string | undefined, options: ReplayOptions) => {
      const hasFile = options.history !== undefined;
      const ways = [id !== undefined && !hasFile, options.all === true, hasFile];
      if (ways.filter(Boolean).length !== 1) throw usageError('Name a request, or --all, or --history FILE.');
      // The worker of the SDK is large and slow to load: only this command needs it.
      const { replayHistories } = await import('../replayer.ts');
      const replayed = await replayHistories({
        id,
        file: options.history,
        environment: terminal.environment,
        bundle: options.bundle,
      });
      terminal.out(options.json ? JSON.stringify(jsonOf(replayed)) : replayLines(replayed).join('\n'));
      if (replayed.some((history) => history.difference !== null)) throw silentFailure();
    });
}

function jsonOf(replayed: readonly ReplayedHistory[]): object {
  const different = replayed.filter((history) => history.difference !== null);
  return { ok: different.length === 0, replayed: replayed.length, different };
}

/** What differs, one history after the other; then how many were replayed. */
export function replayLines(replayed: readonly ReplayedHistory[]): string[] {
  const different = replayed.filter((history) => history.difference !== null);
  return [
    ...different.map(({ request, event, difference }) => {
      const where =
        event === null ? 'cannot be replayed' : `differs first at event ${event.id} (${visible(event.type)})`;
      return `${visible(request)} ${where}: ${visible(difference ?? '')}`;
    }),
    `${replayed.length} replayed, ${different.length} different.`,
  ];
}
