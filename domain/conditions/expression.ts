import { EvaluationError } from '@marcbachmann/cel-js';

import { ALLOWED_FUNCTIONS } from './check-calls.ts';
import { ENGINE_NAMES, isParsed, parseExpression, type ParsedExpression, type Range } from './engine.ts';
import type { BoundFacts } from './binding.ts';
import { PatternError } from './pattern.ts';
import { BoundedMap, remembered } from '../once-per.ts';
import { pathText, readsOf, type FactPath } from './reads.ts';
import { readValues, type ValueRead } from './values-read.ts';

/**
 * What a condition came to. `unknown`: it could not be decided and reads variables that are not known in this phase.
 * `error`: it could not be decided although its facts should be there. Messages never quote facts.
 */
export type Outcome =
  | { readonly kind: 'true' | 'false' }
  | { readonly kind: 'unknown'; readonly missing: readonly string[] }
  | { readonly kind: 'error'; readonly message: string };

interface Compiled {
  readonly program: ParsedExpression | null;
  /** Why there is no program, or null. */
  readonly problem: string | null;
  readonly roots: ReadonlySet<string>;
  /** The same as a list, which is walked in every evaluation. */
  readonly rootList: readonly string[];
  readonly paths: readonly FactPath[];
}

/** Compiled conditions by text: policies that follow each other, or are held against each other, mostly say the same. */
const COMPILED = new BoundedMap<string, Compiled>(20_000);

const TRUE: Outcome = { kind: 'true' };
const FALSE: Outcome = { kind: 'false' };

/** Words for the engine's errors that can happen to a checked condition. */
const REASONS: Readonly<Record<string, string>> = {
  no_such_key: 'no such key',
  index_out_of_bounds: 'no such index',
  numeric_overflow: 'the number is too large',
  division_by_zero: 'division by zero',
  modulo_by_zero: 'division by zero',
  unknown_variable: 'unknown variable',
};

/**
 * A condition, compiled once, when it is first asked. It is meant to have passed `checkExpression`: evaluation itself
 * knows no types. Nothing here throws, whatever the text.
 */
export class Expression {
  readonly text: string;
  private memo: Compiled | null = null;

  constructor(text: string) {
    this.text = text;
  }

  /** The variables it reads; those of comprehensions are not among them. Empty when the text does not compile. */
  get roots(): ReadonlySet<string> {
    return this.compiled().roots;
  }

  /** The paths it may read, such as `plan.rows`, whatever branch it takes. */
  get paths(): readonly string[] {
    return this.compiled().paths.map(pathText);
  }

  /** The same paths as segments. */
  get factPaths(): readonly FactPath[] {
    return this.compiled().paths;
  }

  /**
   * Its outcome for facts. `a || b` is true when `a` is, also if `b` cannot be decided, and likewise for `&&` and false.
   * A fact that violates its type is no such gap: an expression that may read it is an error in any case.
   */
  evaluate(bound: BoundFacts): Outcome {
    const { program, problem, rootList, paths } = this.compiled();
    if (!program) return failed(problem ?? 'the condition cannot be used');
    for (const root of rootList) if (!bound.variables.has(root)) return failed(`unknown variable ${root}`);
    if (bound.violations.length > 0) {
      const violation = bound.violations.find(({ path }) => paths.some((read) => isRelated(read, path)));
      if (violation) return failed(violation.message);
    }
    try {
      return outcomeOf(program.run(bound.values, bound.steps));
    } catch (error) {
      const missing = rootList.filter((root) => bound.missing.has(root));
      return missing.length > 0 ? { kind: 'unknown', missing } : failed(reasonOf(error, this.text));
    }
  }

  /** The facts at its paths, shortened for people. Paths without a fact are left out. */
  valuesRead(bound: BoundFacts): readonly ValueRead[] {
    return readValues(this.compiled().paths, bound.facts);
  }

  private compiled(): Compiled {
    this.memo ??= remembered(COMPILED, this.text, () => compile(this.text));
    return this.memo;
  }
}

function compile(text: string): Compiled {
  const nothing = { program: null, roots: new Set<string>(), rootList: [], paths: [] };
  const parsed = parseExpression(text);
  if (!isParsed(parsed)) return { ...nothing, problem: parsed.message };
  const { paths, functions } = readsOf(parsed.root);
  const roots = new Set(paths.map(([root = '']) => root));
  const [pattern] = parsed.patternProblems;
  const foreign =
    [...functions].find((name) => !ALLOWED_FUNCTIONS.has(name)) ??
    [...roots].find((name) => ENGINE_NAMES.has(name));
  const problem = foreign === undefined ? (pattern?.message ?? null) : `${foreign} is not allowed`;
  return { program: problem === null ? parsed : null, problem, roots, rootList: [...roots], paths };
}

function outcomeOf(result: unknown): Outcome {
  if (result === true) return TRUE;
  return result === false ? FALSE : failed('the result is neither true nor false');
}

/** One path is the other, or leads to it. */
function isRelated(left: FactPath, right: FactPath): boolean {
  const length = Math.min(left.length, right.length);
  return left.slice(0, length).every((segment, index) => segment === right[index]);
}

function failed(message: string): Outcome {
  return { kind: 'error', message };
}

/** The engine's own messages may quote facts, so only their kind and their place are used. */
function reasonOf(error: unknown, text: string): string {
  if (error instanceof PatternError) return error.message;
  if (!(error instanceof EvaluationError)) return 'the condition cannot be evaluated';
  const reason =
    (Object.hasOwn(REASONS, error.code) && REASONS[error.code]) || 'a value is of the wrong type';
  const range = error.node ?? error.range;
  return range ? `${reason}: ${excerpt(text, range)}` : reason;
}

function excerpt(text: string, { start, end }: Range): string {
  const piece = text.slice(start, end);
  return piece.length > 80 ? `${piece.slice(0, 80).toWellFormed()}…` : piece;
}
