import { checkCall, checkMethod } from './check-calls.ts';
import {
  checkArithmetic,
  checkComparison,
  checkDifference,
  checkList,
  checkLiteral,
  checkLogical,
  checkMinus,
  checkNot,
  checkTernary,
} from './check-operators.ts';
import { checkField, checkIndex, checkVariable } from './check-reads.ts';
import { isParsed, parseExpression, type ExpressionProblem, type NodeOf, type SyntaxNode } from './engine.ts';
import type { FactType } from './fact-type.ts';
import { typeName, type GrowingOperation, type Inference, type Scope } from './inference.ts';
import { remembered } from '../once-per.ts';
import { readsOf } from './reads.ts';

const GROWING_MAX = 8;

type Rule<Operator extends SyntaxNode['op']> = (
  inference: Inference,
  node: NodeOf<Operator>,
  scope: Scope,
) => FactType | null;

type Refusal = (inference: Inference, node: SyntaxNode) => null;

const noMaps: Refusal = (inference, node) => inference.report(node, 'maps cannot be written here');
const noOptionals: Refusal = (inference, node) =>
  inference.report(node, 'use has() instead of optional access');

/** One rule for each operator of the language. What has no rule cannot be used. */
const RULES: { readonly [Operator in SyntaxNode['op']]: Rule<Operator> } = {
  value: checkLiteral,
  id: checkVariable,
  '.': checkField,
  '[]': checkIndex,
  '.?': noOptionals,
  '[?]': noOptionals,
  call: checkCall,
  rcall: checkMethod,
  list: checkList,
  map: noMaps,
  '?:': checkTernary,
  '||': checkLogical,
  '&&': checkLogical,
  '!_': checkNot,
  '-_': checkMinus,
  '==': checkComparison,
  '!=': checkComparison,
  '<': checkComparison,
  '<=': checkComparison,
  '>': checkComparison,
  '>=': checkComparison,
  in: checkComparison,
  '+': checkArithmetic,
  '-': checkDifference,
  '*': checkArithmetic,
  '/': checkArithmetic,
  '%': checkArithmetic,
};

/**
 * Every mistake that can be found in a condition without facts, by place; none means that with facts of these types its
 * evaluation ends in true or false, or in an error for one of few reasons: overflow, division by zero, an index or map
 * key that is not there, a text that is no IP address or too long for the patterns. Never throws.
 */
export function checkExpression(
  text: string,
  variables: Readonly<Record<string, FactType>>,
): readonly ExpressionProblem[] {
  const parsed = parseExpression(text);
  if (!isParsed(parsed)) return [parsed];
  const { check, type } = checked(parsed.root, variables);
  if (type && type.kind !== 'bool') check.report(parsed.root, `must be true or false, not ${typeName(type)}`);
  if (readsOf(parsed.root).paths.length === 0)
    check.report(parsed.root, 'the condition reads no fact: it never changes');
  return sorted([...check.problems, ...parsed.patternProblems]);
}

/** What in a condition without a mistake is probably one, by place: names that only others than the policy may bring. */
export function doubtsAbout(
  text: string,
  variables: Readonly<Record<string, FactType>>,
): readonly ExpressionProblem[] {
  const parsed = parseExpression(text);
  return isParsed(parsed) ? sorted(checked(parsed.root, variables).check.doubts) : [];
}

function checked(
  root: SyntaxNode,
  variables: Readonly<Record<string, FactType>>,
): { readonly check: Check; readonly type: FactType | null } {
  const check = new Check(variables);
  return { check, type: check.infer(root, { own: new Map(), existing: new Set() }) };
}

class Check implements Inference {
  readonly problems: ExpressionProblem[] = [];
  readonly doubts: ExpressionProblem[] = [];
  readonly variables: Readonly<Record<string, FactType>>;
  private readonly types = new Map<SyntaxNode, FactType | null>();
  private readonly counts = new Map<GrowingOperation, number>();

  constructor(variables: Readonly<Record<string, FactType>>) {
    this.variables = variables;
  }

  /** Each node stands in one scope, so it is judged once: rules that look twice must not double the work at each level. */
  infer(node: SyntaxNode, scope: Scope): FactType | null {
    const rule = RULES[node.op] as Rule<SyntaxNode['op']>;
    return remembered(this.types, node, () => rule(this, node, scope));
  }

  report({ start, end }: { readonly start: number; readonly end: number }, message: string): null {
    this.problems.push({ start, end, message });
    return null;
  }

  doubt({ start, end }: { readonly start: number; readonly end: number }, message: string): void {
    this.doubts.push({ start, end, message });
  }

  count(operation: GrowingOperation, node: SyntaxNode): void {
    const count = (this.counts.get(operation) ?? 0) + 1;
    this.counts.set(operation, count);
    if (count > GROWING_MAX) this.report(node, `more than ${GROWING_MAX} ${operation} in one condition`);
  }
}

/** By place. What two rules found alike is told once. */
function sorted(problems: readonly ExpressionProblem[]): readonly ExpressionProblem[] {
  const unique = new Map(
    problems.map((problem) => [`${problem.start}:${problem.end}:${problem.message}`, problem]),
  );
  return [...unique.values()].sort((left, right) => left.start - right.start || left.end - right.end);
}
