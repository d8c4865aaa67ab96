import { Environment, ParseError, type ASTNode } from '@marcbachmann/cel-js';

import { compileCidr } from './cidr.ts';
import { compileGlob } from './glob.ts';
import { PatternError, takeSteps, type Pattern, type PatternSteps } from './pattern.ts';
import { compileRegularExpression } from './regular-expression.ts';

/** A node of a parsed condition. */
export type SyntaxNode = ASTNode;

/** A node with a certain operator. */
export type NodeOf<Operator extends SyntaxNode['op']> = Extract<SyntaxNode, { op: Operator }>;

/** A value inside the engine: objects are Maps, so that no key of a fact can reach a prototype. */
export type EngineValue = string | bigint | number | boolean | EngineValue[] | Map<string, EngineValue>;

/** A place in the text of a condition, in UTF-16 units, `end` exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A mistake in a condition. */
export interface ExpressionProblem extends Range {
  readonly message: string;
}

/** A parsed condition. `run` throws whatever the engine throws; its result has no type yet. */
export interface ParsedExpression {
  readonly root: SyntaxNode;
  /** What is wrong with literal patterns of re2(), glob() and cidr(). */
  readonly patternProblems: readonly ExpressionProblem[];
  readonly run: (variables: ReadonlyMap<string, EngineValue>, steps: PatternSteps) => unknown;
}

/** A longer condition is refused before it is parsed. */
export const EXPRESSION_BYTES_MAX = 2_048;

const LIMITS = {
  maxAstNodes: 256,
  maxDepth: 48,
  maxListElements: 256,
  maxMapEntries: 256,
  maxCallArguments: 4,
} as const;

/** Compiling is the expensive part of a pattern. */
const PATTERNS_MAX = 8;

/** The functions whose second argument is a literal pattern, compiled once with the condition. */
export const PATTERN_COMPILERS = {
  re2: compileRegularExpression,
  glob: compileGlob,
  cidr: compileCidr,
} as const satisfies Record<string, (source: string) => Pattern>;

/** Parses a condition, or tells where its syntax or size is wrong. Throws nothing. */
export function parseExpression(text: string): ParsedExpression | ExpressionProblem {
  const whole = { start: 0, end: text.length };
  if (Buffer.byteLength(text) > EXPRESSION_BYTES_MAX) {
    return { ...whole, message: `the condition is longer than ${EXPRESSION_BYTES_MAX} bytes` };
  }
  if (!text.isWellFormed()) return { ...whole, message: 'the condition holds a lone surrogate' };
  try {
    return engine.parse(text);
  } catch (error) {
    if (!(error instanceof ParseError)) return { ...whole, message: 'the condition cannot be parsed' };
    return { ...within(error.range ?? whole, text), message: `${error.summary}${operatorHint(text)}` };
  }
}

/** Other languages' operators, outside of quotes. */
function operatorHint(text: string): string {
  const bare = text.replaceAll(/"[^"]*"|'[^']*'/g, '');
  return /\b(?:and|or|not)\b|(?<![=!<>])=(?!=)/i.test(bare) ? ' (CEL has &&, ||, ! and ==)' : '';
}

/** True for what `parseExpression` returns when it could parse. */
export function isParsed(parsed: ParsedExpression | ExpressionProblem): parsed is ParsedExpression {
  return 'root' in parsed;
}

function within(range: Range, text: string): Range {
  const start = Math.min(range.start, text.length);
  return { start, end: Math.min(Math.max(range.end, start), text.length) };
}

/** What the patterns of one condition share: problems found while parsing, steps left while running. */
class PatternCalls {
  readonly problems: ExpressionProblem[] = [];
  private count = 0;
  private steps: PatternSteps = { left: 0 };

  compile(compiler: (source: string) => Pattern, node: SyntaxNode): Pattern | null {
    this.count += 1;
    if (this.count > PATTERNS_MAX)
      return this.refuse(node, `more than ${PATTERNS_MAX} patterns in one condition`);
    if (node.op !== 'value' || typeof node.args !== 'string') {
      return this.refuse(node, 'the pattern must be a literal string');
    }
    try {
      return compiler(node.args);
    } catch (error) {
      return this.refuse(node, error instanceof PatternError ? error.message : 'the pattern cannot be used');
    }
  }

  takeFrom(steps: PatternSteps): void {
    this.steps = steps;
  }

  test(pattern: Pattern | null, text: unknown): boolean {
    if (!pattern) throw new PatternError('the pattern cannot be used');
    if (typeof text !== 'string') throw new PatternError('the text is not a string');
    if (!takeSteps(this.steps, pattern, text)) throw new PatternError('the patterns take too many steps');
    return pattern.test(text);
  }

  private refuse(node: SyntaxNode, message: string): null {
    this.problems.push({ start: node.start, end: node.end, message });
    return null;
  }
}

/** The parts of the library's macro interface that pattern functions use. */
interface Macro {
  evaluate(
    evaluator: { run(node: SyntaxNode, context: unknown): unknown },
    macro: unknown,
    context: unknown,
  ): boolean;
  typeCheck(
    checker: { check(node: SyntaxNode, context: unknown): void; getType(name: string): unknown },
    macro: unknown,
    context: unknown,
  ): unknown;
  readonly async: false;
}

/**
 * The library with our functions. Variables are untyped here (twice as fast): types were checked at load, and facts
 * are checked against them when they are bound.
 */
class Engine {
  private calls = new PatternCalls();
  private readonly environment = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  });

  constructor() {
    for (const [name, compiler] of Object.entries(PATTERN_COMPILERS)) {
      this.environment.registerFunction(
        `${name}(string, ast): bool`,
        ({ args }: { args: [SyntaxNode, SyntaxNode] }) => this.patternMacro(args, compiler),
      );
    }
  }

  parse(text: string): ParsedExpression {
    const calls = new PatternCalls();
    this.calls = calls;
    const program = this.environment.parse(text);
    return {
      root: program.ast,
      patternProblems: calls.problems,
      run: (variables, steps) => {
        calls.takeFrom(steps);
        return program(variables as never) as unknown;
      },
    };
  }

  names(): ReadonlySet<string> {
    return new Set(this.environment.getDefinitions().variables.map(({ name }) => name));
  }

  /** Patterns are compiled while parsing, so a macro knows the condition it belongs to. */
  private patternMacro(
    [text, source]: [SyntaxNode, SyntaxNode],
    compiler: (source: string) => Pattern,
  ): Macro {
    const calls = this.calls;
    const pattern = calls.compile(compiler, source);
    return {
      evaluate: (evaluator, _macro, context) => calls.test(pattern, evaluator.run(text, context)),
      typeCheck: (checker, _macro, context) => {
        checker.check(text, context);
        return checker.getType('bool');
      },
      async: false,
    };
  }
}

const engine = new Engine();

/** Names that mean something to the engine before any fact does: `type`, `int` and their kind. No fact can have them. */
export const ENGINE_NAMES: ReadonlySet<string> = engine.names();
