import {
  Ajv2020,
  type ErrorObject,
  type FuncKeywordDefinition,
  type ValidateFunction,
} from 'ajv/dist/2020.js';

import { canonicalJson, type JsonValue } from '../crypto/canonical-json.ts';
import { didYouMean } from './did-you-mean.ts';
import { takeSteps, type PatternSteps } from './pattern.ts';
import { compileRegularExpression } from './regular-expression.ts';

/** Why arguments do not fit. The message quotes nothing of them but the name of a property that is not allowed. */
export interface ArgumentError {
  /** JSON Pointer (RFC 6901) into the arguments. */
  readonly path: string;
  readonly message: string;
}

/**
 * Patterns may take this many steps over all arguments of a call (at most 0.2 s, mostly a tenth of it); a text that would
 * need more does not fit. Enough for 32 KiB of text and a pattern of thirty instructions.
 */
const STEPS_MAX = 1_048_576;

/** Each element of a long list can be wrong in several ways: of longer arguments, as characters of JSON, one is told. */
const ALL_ERRORS_LENGTH_MAX = 16_384;

/**
 * Makes a JSON Schema (2020-12) ready. Throws for what is none, for keywords that it does not know, and for patterns that
 * are not RE2: those of JavaScript can take hours over a text that somebody chose. References resolve inside the schema
 * only, so nothing is ever fetched. `problemsOf` says why arguments do not fit; nothing when they do. All reasons of small
 * arguments, the first of large ones. It takes time in proportion to their size, whatever they are.
 */
export function compileArgumentSchema(schema: Readonly<Record<string, JsonValue>>): {
  readonly problemsOf: (values: Readonly<Record<string, JsonValue>>) => readonly ArgumentError[];
} {
  const steps: PatternSteps = { left: STEPS_MAX };
  const validate = validatorOf(schema, { steps, allErrors: false });
  let validateAll: ValidateFunction | undefined;
  return {
    problemsOf: (values) => {
      steps.left = STEPS_MAX;
      // A pattern that was not tried counts as not found: below `not`, say, that alone lets nothing pass.
      if (validate(values)) return steps.left < 0 ? [TOO_LONG] : [];
      const names = { known: Object.keys(propertiesOf(schema)), given: Object.keys(values) };
      const first = problemsIn(validate, names);
      if (steps.left < 0 || JSON.stringify(values).length > ALL_ERRORS_LENGTH_MAX) return first;
      validateAll ??= validatorOf(schema, { steps, allErrors: true });
      validateAll(values);
      // Patterns that were not tried would be told of as mistakes.
      return steps.left < 0 ? first : problemsIn(validateAll, names);
    },
  };
}

function validatorOf(
  schema: Readonly<Record<string, JsonValue>>,
  { steps, allErrors }: { readonly steps: PatternSteps; readonly allErrors: boolean },
): ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    logger: false,
    ownProperties: true,
    allErrors,
    code: { regExp: patternsWithin(steps) },
  });
  // The library compares each element with each other one.
  ajv.removeKeyword('uniqueItems').addKeyword(UNIQUE_ITEMS);
  return ajv.compile(schema);
}

/** Names are compared for each, so more are not told. */
const PROBLEMS_MAX = 20;

function problemsIn({ errors }: ValidateFunction, names: ArgumentNames): readonly ArgumentError[] {
  return (errors ?? [])
    .slice(0, PROBLEMS_MAX)
    .map((error) => ({ path: error.instancePath, message: messageOf(error, names) }));
}

/** The names of arguments: those that the schema has, and those that were given. */
interface ArgumentNames {
  readonly known: readonly string[];
  readonly given: readonly string[];
}

function messageOf(
  { message = 'is not allowed', params, instancePath }: ErrorObject,
  { known, given }: ArgumentNames,
): string {
  const isWhole = instancePath === '';
  const { missingProperty: missing }: Readonly<Record<string, unknown>> = params;
  if (isWhole && typeof missing === 'string') {
    // A text beyond this length is no name that was misspelt, and is not compared.
    const short = given.filter((name) => !known.includes(name) && name.length <= NAME_LENGTH_MAX);
    const meant = short.slice(0, NAMES_COMPARED_MAX).find((name) => didYouMean(name, [missing]) !== '');
    return meant === undefined ? message : `${message}, which is not ${JSON.stringify(meant)}`;
  }
  const name: unknown = params['additionalProperty'] ?? params['unevaluatedProperty'];
  if (typeof name !== 'string') return message;
  const hint = isWhole && name.length <= NAME_LENGTH_MAX ? didYouMean(name, known) : '';
  return `${message}: ${JSON.stringify(name.slice(0, NAME_LENGTH_MAX))}${hint}`;
}

const NAME_LENGTH_MAX = 100;
const NAMES_COMPARED_MAX = 100;

function propertiesOf({ properties }: Readonly<Record<string, JsonValue>>): object {
  return typeof properties === 'object' && properties !== null ? properties : {};
}

const UNIQUE_ITEMS: FuncKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  validate: (isRequired: boolean, items: readonly JsonValue[]) => !isRequired || areUnique(items),
  error: { message: 'must NOT have duplicate items' },
};

/** By their canonical form: what JSON takes for the same value has the same one. */
function areUnique(items: readonly JsonValue[]): boolean {
  const seen = new Set<string>();
  return items.every((item) => seen.size < seen.add(canonicalJson(item)).size);
}

const TOO_LONG: ArgumentError = { path: '', message: 'takes too long to check' };

/** The engine that the library asks for patterns. It tells them apart by their text. */
function patternsWithin(steps: PatternSteps) {
  const engine = (source: string) => {
    const pattern = compileRegularExpression(source);
    return {
      test: (text: string): boolean => takeSteps(steps, pattern, text) && pattern.test(text),
      toString: () => source,
    };
  };
  // Only for code that is written to files, which this never is.
  return Object.assign(engine, { code: 're2' });
}
