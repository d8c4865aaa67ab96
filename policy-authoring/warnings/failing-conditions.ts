import {
  isParsed,
  parseExpression,
  type NodeOf,
  type Range,
  type SyntaxNode,
} from '../../domain/conditions/engine.ts';
import { childrenOf } from '../../domain/conditions/reads.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { inRule, inSettings, type PolicyWarning, type WarningLocation } from './warning.ts';

/**
 * Divisions by what may be 0. Then a condition cannot be evaluated: what it holds back is held back, and what it
 * allows is not allowed, mostly to the surprise of its author.
 */
export function failingConditions(policy: PolicySet): readonly PolicyWarning[] {
  const lines = policy.risk.lines.flatMap(({ when }, index) => {
    const location = inSettings('risk', 'lines', index, 'when');
    return divisorsThatMayBeZero(when).map((divisor) => warningOf(location, divisor, 'the line applies'));
  });
  const rules = policy.rules.flatMap((rule) => {
    const [location, outcome] = [inRule(rule, 'when'), OUTCOMES[rule.effect]];
    return divisorsThatMayBeZero(rule.when).map((divisor) => warningOf(location, divisor, outcome));
  });
  return [...lines, ...rules];
}

const OUTCOMES: Readonly<Record<Rule['effect'], string>> = {
  allow: 'the rule does not allow',
  review: 'the rule asks its reviewers',
  forbid: 'the rule forbids',
};

function warningOf(location: WarningLocation, divisor: string, outcome: string): PolicyWarning {
  const message = `divides by ${divisor}, and where that is 0 it cannot be decided: then ${outcome}`;
  return { ...location, code: 'division_by_zero', message };
}

function divisorsThatMayBeZero(condition: string | undefined): readonly string[] {
  if (condition === undefined) return [];
  const parsed = parseExpression(condition);
  if (!isParsed(parsed)) return [];
  const found = new Set<string>();
  visit(parsed.root, { text: (range) => textOf(condition, range), nonZero: new Set(), found });
  return [...found];
}

interface Search {
  readonly text: (node: Range) => string;
  /** What is not 0 wherever the node decides the outcome. */
  readonly nonZero: ReadonlySet<string>;
  readonly found: Set<string>;
}

function visit(node: SyntaxNode, search: Search): void {
  if ((node.op === '/' || node.op === '%') && mayBeZero(node.args[1], search))
    search.found.add(search.text(node.args[1]));
  for (const [child, nonZero] of guarded(node, search))
    visit(child, { ...search, nonZero: new Set([...search.nonZero, ...nonZero]) });
}

/** The nodes below, each with what its siblings see to. Both sides of `&&` and `||` guard each other, in any order. */
function guarded(node: SyntaxNode, search: Search): readonly [SyntaxNode, readonly string[]][] {
  if (node.op === '&&' || node.op === '||') {
    const [left, right] = node.args;
    const given = (side: SyntaxNode): readonly string[] => nonZeroWhen(side, node.op === '&&', search);
    return [
      [left, given(right)],
      [right, given(left)],
    ];
  }
  if (node.op === '?:') {
    const [condition, yes, no] = node.args;
    return [
      [condition, []],
      [yes, nonZeroWhen(condition, true, search)],
      [no, nonZeroWhen(condition, false, search)],
    ];
  }
  return childrenOf(node).map((child) => [child, []]);
}

function mayBeZero(divisor: SyntaxNode, { text, nonZero }: Search): boolean {
  const value = literalOf(divisor);
  return value === null ? !nonZero.has(text(divisor)) : value === 0;
}

/** What is certainly not 0 where a test came out like this. */
function nonZeroWhen(node: SyntaxNode, outcome: boolean, search: Search): readonly string[] {
  if (node.op === '!_') return nonZeroWhen(node.args, !outcome, search);
  if (node.op === '&&' || node.op === '||') {
    const [left, right] = node.args.map((side) => nonZeroWhen(side, outcome, search));
    const doBothHold = (node.op === '&&') === outcome;
    return doBothHold
      ? [...(left ?? []), ...(right ?? [])]
      : (left ?? []).filter((one) => right?.includes(one));
  }
  return isOrder(node) ? nonZeroByOrder(node, outcome, search) : [];
}

type Order = NodeOf<'==' | '!=' | '<' | '<=' | '>' | '>='>;

function isOrder(node: SyntaxNode): node is Order {
  return Object.hasOwn(HOLDS, node.op);
}

const HOLDS: Readonly<Record<Order['op'], (left: number, right: number) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

/** A comparison with a literal leaves out 0 when 0 would have come out otherwise. */
function nonZeroByOrder(
  { op, args: [left, right] }: Order,
  outcome: boolean,
  { text }: Search,
): readonly string[] {
  const [low, high] = [literalOf(left), literalOf(right)];
  if (high !== null && low === null) return HOLDS[op](0, high) === outcome ? [] : [text(left)];
  if (low !== null && high === null) return HOLDS[op](low, 0) === outcome ? [] : [text(right)];
  return [];
}

function literalOf(node: SyntaxNode): number | null {
  if (node.op === '-_') {
    const value = literalOf(node.args);
    return value === null ? null : -value;
  }
  if (node.op !== 'value') return null;
  return typeof node.args === 'bigint' || typeof node.args === 'number' ? Number(node.args) : null;
}

/** As it is written, but for blanks. */
function textOf(condition: string, { start, end }: Range): string {
  return condition.slice(start, end).replaceAll(/\s+/g, ' ').trim();
}
