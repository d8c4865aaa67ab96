import { readFile } from 'node:fs/promises';

import { Option, type Command } from 'commander';

import { canonicalJson, type JsonValue } from '../../domain/crypto/canonical-json.ts';
import { isKeyturnError } from '../../domain/errors.ts';
import { parseJsonText } from '../../domain/crypto/json-text.ts';
import type { EvaluateBody } from '../../contract/evaluate.ts';
import type { CreateBody } from '../../contract/requests.ts';
import { usageError } from './exit.ts';

/** Options that say what is requested, beside the action and the target. */
export interface ActionOptions {
  readonly arguments?: string;
  readonly argument?: readonly string[];
  readonly mode?: CreateBody['mode'];
  readonly onBehalfOf?: string;
  readonly breakGlass?: boolean;
}

/** The action that the options describe. */
export async function readAction(
  action: string,
  target: string,
  options: ActionOptions,
): Promise<EvaluateBody> {
  const { mode, onBehalfOf, breakGlass } = options;
  const on_behalf_of = onBehalfOf === undefined ? undefined : { subject: onBehalfOf };
  const optional = given({ mode, on_behalf_of, break_glass: breakGlass });
  return { action, target, arguments: await readArguments(options), ...optional };
}

/** The body of a call. Refuses what would lose digits or keys on the way, before anything is sent. */
export function exact<Body>(body: Body): Body {
  canonicalJson(body);
  return body;
}

/** Without the fields for which nothing was given. */
export function given<Values extends object>(
  values: Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  const named = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named) as ReturnType<typeof given<Values>>;
}

export function withArguments(command: Command): Command {
  return command
    .option('--arguments <json>', 'the arguments as a JSON object, or @FILE')
    .option('-a, --argument <name=text...>', 'one argument that is text; name=@FILE reads it from a file')
    .addOption(new Option('--mode <mode>', 'what happens once it is approved').choices(['execute', 'gate']))
    .option('--on-behalf-of <subject>', 'the person you act for')
    .option(
      '--break-glass',
      'break-glass: fewer approvals, if policy allows it; many people are notified, and it is reviewed afterwards',
    );
}

/** The arguments that the options give; single ones win over the whole object. */
async function readArguments(options: ActionOptions): Promise<CreateBody['arguments']> {
  const named = await Promise.all((options.argument ?? []).map(namedArgument));
  const whole = options.arguments === undefined ? {} : await parseArguments(options.arguments);
  return { ...whole, ...Object.fromEntries(named) };
}

async function namedArgument(text: string): Promise<[string, string]> {
  const split = text.indexOf('=');
  if (split < 1) throw usageError('--argument takes name=text.');
  const value = text.slice(split + 1);
  return [text.slice(0, split), value.startsWith('@') ? await readFile(value.slice(1), 'utf8') : value];
}

async function parseArguments(text: string): Promise<CreateBody['arguments']> {
  const json = text.startsWith('@') ? await readFile(text.slice(1), 'utf8') : text;
  const value = parseJson(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError('--arguments takes a JSON object.');
  }
  return value as CreateBody['arguments'];
}

/** Parsed as the server parses it: a lossy parser here would change values unnoticed. */
function parseJson(json: string): JsonValue {
  try {
    return parseJsonText(json);
  } catch (error) {
    if (isKeyturnError(error)) throw usageError(`--arguments: ${error.message}`);
    throw error;
  }
}
