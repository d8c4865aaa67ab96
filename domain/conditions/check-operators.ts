import { didYouMean, quote } from './did-you-mean.ts';
import type { NodeOf, SyntaxNode } from './engine.ts';
import { existingWhen, union } from './existing.ts';
import { FLAG, type FactType, type KnownNames } from './fact-type.ts';
import {
  isScalar,
  joined,
  literalsOf,
  typeName,
  unify,
  type Inference,
  type Literal,
  type LiteralType,
  type Scope,
} from './inference.ts';
import { bareName, quotesHint } from './missing-quotes.ts';

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in';
type Arithmetic = '+' | '-' | '*' | '/' | '%';

/** Within these bounds, and with few products, no arithmetic on doubles can reach infinity or NaN. */
const DOUBLE_MAX = Number.MAX_SAFE_INTEGER;

/** The type of a literal. */
export function checkLiteral(inference: Inference, node: NodeOf<'value'>): FactType | null {
  const value = node.args;
  if (typeof value === 'string') return literalType(value, node);
  if (typeof value === 'boolean') return FLAG;
  if (typeof value === 'bigint') {
    return value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? { kind: 'int' }
      : inference.report(node, 'integers end at 2^53-1');
  }
  if (typeof value !== 'number')
    return inference.report(node, 'only strings, numbers, true and false can be written');
  if (value === 0 || (value <= DOUBLE_MAX && value >= 1 / DOUBLE_MAX)) return { kind: 'double' };
  return inference.report(node, 'a double is 0 or between 2^-53 and 2^53');
}

function literalType(value: string, { start, end }: SyntaxNode): LiteralType {
  return { kind: 'string', enum: [value], literals: [{ value, start, end }] };
}

/** The type of a list literal: elements of one scalar type. */
export function checkList(inference: Inference, node: NodeOf<'list'>, scope: Scope): FactType | null {
  if (node.args.length === 0) return inference.report(node, 'an empty list has no type: use size() == 0');
  const types = node.args.map((element) => inference.infer(element, scope));
  let items: FactType | null = null;
  for (const [index, type] of types.entries()) {
    if (!type) return null;
    items = items ? unify(items, type) : type;
    if (!items || !isScalar(items)) {
      return inference.report(node.args[index] ?? node, 'the elements of a list must be scalars of one type');
    }
  }
  return items && { kind: 'list', items };
}

/** The type of `&&` and `||`. The right side may rely on what the left side has tested. */
export function checkLogical(inference: Inference, node: NodeOf<'&&' | '||'>, scope: Scope): FactType | null {
  const [left, right] = node.args;
  const tested = existingWhen(left, node.op === '&&');
  requireBool(inference, left, scope);
  requireBool(inference, right, { ...scope, existing: union([scope.existing, tested]) });
  return FLAG;
}

/** The type of `!`. */
export function checkNot(inference: Inference, node: NodeOf<'!_'>, scope: Scope): FactType | null {
  requireBool(inference, node.args, scope);
  return FLAG;
}

/** The type of unary minus. */
export function checkMinus(inference: Inference, node: NodeOf<'-_'>, scope: Scope): FactType | null {
  const type = inference.infer(node.args, scope);
  if (!type || type.kind === 'int' || type.kind === 'double') return type;
  return inference.report(node, `cannot negate ${typeName(type)}`);
}

/** The type of `condition ? a : b`. */
export function checkTernary(inference: Inference, node: NodeOf<'?:'>, scope: Scope): FactType | null {
  const [condition, yes, no] = node.args;
  requireBool(inference, condition, scope);
  const given = (outcome: boolean): Scope => ({
    ...scope,
    existing: union([scope.existing, existingWhen(condition, outcome)]),
  });
  const [left, right] = [inference.infer(yes, given(true)), inference.infer(no, given(false))];
  if (!left || !right) return null;
  return (
    unify(left, right) ??
    inference.report(node, `the branches differ: ${typeName(left)} and ${typeName(right)}`)
  );
}

/** The type of a comparison. Both sides have one type, so that no comparison is false for a reason of types. */
export function checkComparison(
  inference: Inference,
  node: NodeOf<Comparison>,
  scope: Scope,
): FactType | null {
  const [left, right] = node.args.map((side) => inference.infer(side, scope));
  if (!left || !right) return FLAG;
  const element = node.op === 'in' ? elementOf(right) : right;
  const fits =
    element !== null && (isOrder(node.op) ? haveOrder(left, element) : areEquatable(left, element));
  if (!fits) return mismatch(inference, node, [left, right]);
  checkValues(inference, left, element);
  checkValues(inference, element, left);
  return FLAG;
}

/** The type of `-`, unless it is the hyphen of a name without quotes. */
export function checkDifference(inference: Inference, node: NodeOf<'-'>, scope: Scope): FactType | null {
  const name = bareName(node);
  const hint = name === null ? '' : quotesHint(name, inference.variables);
  if (name === null || hint === '') return checkArithmetic(inference, node, scope);
  return inference.report(node, `unknown variable ${quote(name)}${hint}`);
}

/** The type of `+ - * / %`. Both sides have one type. */
export function checkArithmetic(
  inference: Inference,
  node: NodeOf<Arithmetic>,
  scope: Scope,
): FactType | null {
  const [left, right] = node.args.map((side) => inference.infer(side, scope));
  if (!left || !right) return null;
  if (left.kind !== right.kind) return mismatch(inference, node, [left, right]);
  if (left.kind === 'int') return { kind: 'int' };
  if (left.kind === 'double' && node.op !== '%') return checkDoubles(inference, node);
  if (left.kind !== 'string' || node.op !== '+') return mismatch(inference, node, [left, right]);
  inference.count('joins of strings', node);
  return joined(left, right);
}

function checkDoubles(inference: Inference, node: NodeOf<Arithmetic>): FactType | null {
  if (node.op === '*' || node.op === '/') inference.count('products of doubles', node);
  if (node.op !== '/' || isNonZeroLiteral(node.args[1])) return { kind: 'double' };
  return inference.report(node.args[1], 'a double can be divided by a literal other than 0 only');
}

/** Reports a node that is not a bool. */
export function requireBool(inference: Inference, node: SyntaxNode, scope: Scope): void {
  const type = inference.infer(node, scope);
  if (type && type.kind !== 'bool') inference.report(node, `must be true or false, not ${typeName(type)}`);
}

function elementOf(type: FactType): FactType | null {
  if (type.kind === 'list') return type.items;
  if (type.kind === 'object') return { kind: 'string', enum: Object.keys(type.fields) };
  return type.kind === 'map' ? { kind: 'string', enum: null } : null;
}

function isOrder(operator: Comparison): boolean {
  return operator.startsWith('<') || operator.startsWith('>');
}

/** Only numbers: strings have no order that people and engines agree on. Ints and doubles compare exactly. */
function haveOrder(left: FactType, right: FactType): boolean {
  return [left, right].every((type) => type.kind === 'int' || type.kind === 'double');
}

function areEquatable(left: FactType, right: FactType): boolean {
  return isScalar(left) && left.kind === right.kind;
}

/** Reports literals that the other side can never equal. */
function checkValues(inference: Inference, literal: FactType, other: FactType): void {
  if (other.kind !== 'string') return;
  const { enum: values, names } = other;
  for (const { value, start, end } of literalsOf(literal)) {
    if (values && !values.includes(value)) {
      const message = `${quote(value)} is not one of ${values.join(', ')}${didYouMean(value, values)}`;
      inference.report({ start, end }, message);
    }
    if (names && !names.known.includes(value)) reportName(inference, { value, start, end }, names);
  }
}

function reportName(inference: Inference, literal: Literal, { what, known, isOpen }: KnownNames): void {
  const message = `unknown ${what} ${quote(literal.value)}${didYouMean(literal.value, known)}`;
  if (isOpen) inference.doubt(literal, message);
  else inference.report(literal, message);
}

function mismatch(inference: Inference, node: SyntaxNode, [left, right]: [FactType, FactType]): null {
  return inference.report(node, `no such operation: ${typeName(left)} ${node.op} ${typeName(right)}`);
}

function isNonZeroLiteral(node: SyntaxNode): boolean {
  return node.op === 'value' && typeof node.args === 'number' && node.args !== 0;
}
