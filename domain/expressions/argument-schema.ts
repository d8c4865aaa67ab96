import { Ajv2020 } from 'ajv/dist/2020.js';

import type { JsonValue } from '../canonical-json.ts';
import { compileRegularExpression } from './regular-expression.ts';

/** Why arguments do not fit. The message never quotes them. */
export interface ArgumentError {
  /** JSON Pointer (RFC 6901) into the arguments. */
  readonly path: string;
  readonly message: string;
}

/** The schema of an action's arguments, ready for use. */
export interface ArgumentSchema {
  /** Why the arguments do not fit; empty when they do. Takes time in proportion to their size, whatever they are. */
  problemsOf(values: Readonly<Record<string, JsonValue>>): readonly ArgumentError[];
}

/**
 * Patterns may take this many steps over all arguments of a call (about 30 ms); a text that would need more does not
 * fit. Enough for 64 KiB of text and a pattern of thirty instructions.
 */
const STEPS_MAX = 2_097_152;

/**
 * Makes a JSON Schema (2020-12) ready. Throws for what is none, for keywords that it does not know, and for patterns that
 * are not RE2: those of JavaScript can take hours over a text that somebody chose. References resolve inside the schema
 * only, so nothing is ever fetched.
 */
export function compileArgumentSchema(schema: Readonly<Record<string, JsonValue>>): ArgumentSchema {
  const budget = { stepsLeft: STEPS_MAX };
  const ajv = new Ajv2020({
    strict: true,
    logger: false,
    ownProperties: true,
    code: { regExp: patternsWithin(budget) },
  });
  const validate = ajv.compile(schema);
  return {
    problemsOf: (values) => {
      budget.stepsLeft = STEPS_MAX;
      // A pattern that was not tried counts as not found: below `not`, say, that alone lets nothing pass.
      if (validate(values)) return budget.stepsLeft < 0 ? [TOO_LONG] : [];
      return (validate.errors ?? []).map(({ instancePath, message }) => ({
        path: instancePath,
        message: message ?? 'is not allowed',
      }));
    },
  };
}

const TOO_LONG: ArgumentError = { path: '', message: 'takes too long to check' };

/** The engine that the library asks for patterns. It tells them apart by their text. */
function patternsWithin(budget: { stepsLeft: number }) {
  const engine = (source: string) => {
    const pattern = compileRegularExpression(source);
    return {
      test: (text: string): boolean => {
        budget.stepsLeft -= pattern.stepsPerCharacter * (text.length + 1);
        return budget.stepsLeft >= 0 && pattern.test(text);
      },
      toString: () => source,
    };
  };
  // Only for code that is written to files, which this never is.
  return Object.assign(engine, { code: 're2' });
}
