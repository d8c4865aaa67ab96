import { Command, CommanderError } from 'commander';

import { isKeyturnError } from '../../domain/errors.ts';
import { KeyturnProblem } from '../../sdk/client.ts';
import { programVersion } from '../../configuration/version.ts';
import { addActions } from './commands/actions.ts';
import { addAnswer } from './commands/questions.ts';
import { addCompletion } from './commands/completion.ts';
import { addDecide } from './commands/decide.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvaluate } from './commands/evaluate.ts';
import { addInbox } from './commands/inbox.ts';
import { addList } from './commands/list.ts';
import { addLogin } from './commands/login.ts';
import { addLogout } from './commands/logout.ts';
import { addPolicy } from './commands/policy.ts';
import { addReplay } from './commands/replay.ts';
import { addRequest } from './commands/request.ts';
import { addResolve } from './commands/resolve.ts';
import { addShow } from './commands/show.ts';
import { addSwitch } from './commands/switch.ts';
import { addTarget } from './commands/target.ts';
import { addTargets } from './commands/targets.ts';
import { addTicket } from './commands/ticket.ts';
import { addVerify } from './commands/verify.ts';
import { addWatch } from './commands/watch.ts';
import { addWhoami } from './commands/whoami.ts';
import { addWithdraw } from './commands/withdraw.ts';
import { CommandExit } from './exit.ts';
import { addExitCodes, addUsage, commonLast, suggestChoices, termOf } from './help.ts';
import type { Terminal } from './terminal.ts';
import { visible, visibleDocument, visibleJson, visibleLines } from '../../domain/cards/visible.ts';

const GROUPS = {
  'Request:': [addRequest, addEvaluate, addAnswer, addWithdraw, addActions, addTargets],
  'Decide:': [addInbox, addShow, addDecide, addTicket],
  'Follow and check:': [addList, addWatch, addVerify, addResolve],
  'Sign in:': [addLogin, addLogout, addWhoami],
  'Operate:': [addPolicy, addSwitch, addTarget, addDoctor, addReplay],
  'Other:': [addCompletion],
} as const;

const MORE = `
Examples:
  keyturn inbox
  keyturn show ID
  keyturn approve ID --reason "The row matches the ticket"

keyturn COMMAND --help shows options, examples and exit codes of a command.`;

/** Runs one command line. Answers its exit code (`EXIT_CODES`). */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = args.includes('--json');
  const screen = isJson
    ? { ...terminal, out: (text: string) => terminal.data(visibleDocument(text)) }
    : terminal;
  const program = createProgram(screen);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    return report(error, screen, isJson);
  } finally {
    screen.close();
  }
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('keyturn')
    .description('Request privileged actions, decide on them, and check what happened')
    .version(programVersion(), '-V, --version', 'the version of this program')
    .configureHelp({ visibleOptions: commonLast, subcommandTerm: termOf })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'keyturn: ')),
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.error(text.trimEnd()),
    })
    .exitOverride();
  for (const [heading, adders] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const add of adders) add(program, terminal);
  }
  program.command('version', { hidden: true }).action(() => terminal.out(programVersion()));
  addExitCodes(program);
  addUsage(program);
  program.addHelpText('after', MORE);
  suggestChoices(program);
  return program;
}

function report(error: unknown, terminal: Terminal, isJson: boolean): number {
  // Commander has already written help or what is wrong with the command line.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { exitCode, code, detail, errors } = refusalOf(error);
  if (detail === '') return exitCode;
  if (isJson) terminal.out(JSON.stringify({ error: { code, detail, ...(errors ? { errors } : {}) } }));
  else terminal.error(refusalLines({ exitCode, code, detail, errors }).join('\n'));
  return exitCode;
}

interface Refusal {
  readonly exitCode: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: KeyturnProblem['errors'] | undefined;
}

function refusalLines({ code, detail, errors = [] }: Refusal): string[] {
  const [first = '', ...rest] = visibleLines(detail);
  const fields = errors.map(({ path, message }) => `  ${visible(path)}: ${visible(message)}`);
  const typed =
    code === 'arguments_invalid' ? errors.find(({ message }) => NO_TEXT.test(message)) : undefined;
  const hints = typed ? [textOnly(typed.path)] : [];
  return [
    `keyturn: ${first}`,
    ...rest,
    ...fields,
    ...hints,
    ...(SELF_EVIDENT.has(code) ? [] : [`(${visible(code)})`]),
  ];
}

const NO_TEXT = /^must be (integer|number|boolean|object|array)$/;

function textOnly(path: string): string {
  const name = path.split('/')[2] ?? 'name';
  return `-a gives text only. Other values: --arguments '{${visibleJson(name)}: …}'`;
}

/** Codes that say nothing beyond the exit code. */
const SELF_EVIDENT: ReadonlySet<string> = new Set(['usage', 'failed']);

function refusalOf(error: unknown): Refusal {
  if (error instanceof CommandExit)
    return { exitCode: error.exitCode, code: error.code, detail: error.message };
  if (error instanceof KeyturnProblem) {
    const { code, detail, errors } = error;
    if (FOREIGN.test(code)) return { exitCode: 1, code, detail: `${detail} ${NOT_KEYTURN}` };
    return { exitCode: 1, code, detail: detail || code, errors: errors.length > 0 ? errors : undefined };
  }
  if (isKeyturnError(error)) return { exitCode: 1, code: error.code, detail: error.message };
  return failureOf(error);
}

/** For an answer that is not Keyturn's: another server runs there. */
const FOREIGN = /^http_(2\d\d|404)$/;
const NOT_KEYTURN = 'It does not answer as a Keyturn API. Is --api (KEYTURN_API_URL) right?';

function failureOf(error: unknown): Refusal {
  if (error instanceof TypeError && error.cause instanceof Error) {
    const what =
      error.message === 'fetch failed'
        ? `The server cannot be reached (${error.cause.message}).`
        : error.message;
    const detail = `${what} Is it running, and is --api (KEYTURN_API_URL) right?`;
    return { exitCode: 1, code: 'unreachable', detail };
  }
  const detail = error instanceof Error ? error.message || error.name : String(error);
  return { exitCode: 1, code: 'failed', detail };
}
