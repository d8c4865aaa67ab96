import { didYouMean, quote } from './did-you-mean.ts';
import { requireBool } from './check-operators.ts';
import { checkHas } from './check-reads.ts';
import { checkPiece } from './check-pieces.ts';
import { PATTERN_COMPILERS, type NodeOf, type SyntaxNode } from './engine.ts';
import { FLAG, INTEGER, TEXT, type FactType } from './fact-type.ts';
import { isScalar, typeName, type Inference, type Scope } from './inference.ts';
import { COMPREHENSIONS, isComprehension } from './reads.ts';

interface Signature {
  readonly receiver: readonly FactType['kind'][] | null;
  readonly parameters: readonly (readonly FactType['kind'][])[];
  readonly result: FactType;
}

const SIZED = ['string', 'list', 'map'] as const;
const ON_STRING: Signature = { receiver: ['string'], parameters: [['string']], result: FLAG };
// The pattern of these is checked where it is compiled.
const WITH_PATTERN: Signature = { receiver: null, parameters: [['string'], ['string']], result: FLAG };

const FUNCTIONS: ReadonlyMap<string, Signature> = new Map<string, Signature>([
  ['startsWith', ON_STRING],
  ['endsWith', ON_STRING],
  ['contains', ON_STRING],
  ['.size', { receiver: SIZED, parameters: [], result: INTEGER }],
  ['size', { receiver: null, parameters: [SIZED], result: INTEGER }],
  ['double', { receiver: null, parameters: [['int', 'double']], result: { kind: 'double' } }],
  ['string', { receiver: null, parameters: [['string', 'int', 'bool']], result: TEXT }],
  ...Object.keys(PATTERN_COMPILERS).map((name): [string, Signature] => [name, WITH_PATTERN]),
]);

/** The names of every function that a condition may call. Anything else is refused, also at evaluation. */
export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set([
  ...[...FUNCTIONS.keys()].map((name) => name.replace('.', '')),
  ...COMPREHENSIONS,
  'has',
]);

const CALENDAR = 'use calendar facts, which know time zone and holidays';

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['matches', 'it backtracks; use re2()'],
  ['dyn', 'it switches type checks off'],
  ['int', 'it reads "" as 0; let the schema of the action say integer'],
  ['timestamp', CALENDAR],
  ['duration', CALENDAR],
]);

/** The type of `name(…)`. */
export function checkCall(inference: Inference, node: NodeOf<'call'>, scope: Scope): FactType | null {
  const [name, parameters] = node.args;
  if (name === 'has') return checkHas(inference, node, scope) ? FLAG : null;
  const signature = FUNCTIONS.get(name);
  if (!signature || signature.receiver) return refuse(inference, node, name);
  const [text, piece] = parameters;
  const type = text ? inference.infer(text, scope) : null;
  checkPiece(inference, { name, type, piece });
  const result = checkSignature(inference, { node, signature, receiver: null, parameters }, scope);
  return name === 'string' ? asText(result, type) : result;
}

/** A string stays the string that it is, of whatever names. */
function asText(result: FactType | null, type: FactType | null): FactType | null {
  return result && type?.kind === 'string' && type.enum === null ? type : result;
}

/** The type of `value.name(…)`. */
export function checkMethod(inference: Inference, node: NodeOf<'rcall'>, scope: Scope): FactType | null {
  const [name, receiver, parameters] = node.args;
  if (isComprehension(node)) return checkComprehension(inference, node, scope);
  const signature = FUNCTIONS.get(name === 'size' ? '.size' : name);
  if (!signature?.receiver) return refuse(inference, node, name);
  if (name === 'contains') requireShort(inference, parameters[0], scope);
  checkPiece(inference, { name, type: inference.infer(receiver, scope), piece: parameters[0] });
  return checkSignature(inference, { node, signature, receiver, parameters }, scope);
}

interface CallToCheck {
  readonly node: NodeOf<'call' | 'rcall'>;
  readonly signature: Signature;
  readonly receiver: SyntaxNode | null;
  readonly parameters: readonly SyntaxNode[];
}

function checkSignature(inference: Inference, call: CallToCheck, scope: Scope): FactType | null {
  const { node, signature, receiver, parameters } = call;
  const operands = receiver ? [receiver, ...parameters] : parameters;
  const wanted = signature.receiver ? [signature.receiver, ...signature.parameters] : signature.parameters;
  const types = operands.map((operand) => inference.infer(operand, scope));
  if (operands.length !== wanted.length) {
    return inference.report(node, `${node.args[0]}() takes ${signature.parameters.length} argument(s)`);
  }
  const wrong = types.findIndex((type, index) => type !== null && !wanted[index]?.includes(type.kind));
  const [operand, type] = [operands[wrong], types[wrong]];
  if (operand && type) {
    return inference.report(
      operand,
      `${node.args[0]}() works on ${wanted[wrong]?.join(', ')}, not on ${typeName(type)}`,
    );
  }
  return signature.result;
}

/** A search text from facts could make a search quadratic; known texts are short. */
function requireShort(inference: Inference, parameter: SyntaxNode | undefined, scope: Scope): void {
  const type = parameter && inference.infer(parameter, scope);
  if (parameter && type?.kind === 'string' && !type.enum) {
    inference.report(parameter, 'contains() searches for literals or enum values only');
  }
}

function checkComprehension(inference: Inference, node: NodeOf<'rcall'>, scope: Scope): FactType | null {
  const [name, receiver, [, ...rest]] = node.args;
  const element = elementOf(inference, receiver, scope);
  const variable = variableOf(inference, node);
  if (scope.own.size > 0) return inference.report(node, 'one comprehension inside another is not allowed');
  if (!element || variable === null) return null;
  const inner = { ...scope, own: new Map([[variable, element]]) };
  return name === 'map' ? checkMap(inference, rest, inner) : checkPredicate(inference, node, inner);
}

/** The variable of a comprehension, or null when its arguments are wrong. It hides no fact. */
function variableOf(inference: Inference, node: NodeOf<'rcall'>): string | null {
  const [name, , [variable, ...rest]] = node.args;
  if (variable?.op !== 'id' || rest.length < 1 || rest.length > (name === 'map' ? 2 : 1)) {
    return inference.report(node, `${name}() takes a variable and an expression, as in ${name}(x, x == "a")`);
  }
  return Object.hasOwn(inference.variables, variable.args)
    ? inference.report(variable, `${quote(variable.args)} is a fact: choose another name`)
    : variable.args;
}

function checkPredicate(inference: Inference, node: NodeOf<'rcall'>, inner: Scope): FactType | null {
  const [name, , [, predicate]] = node.args;
  if (predicate) requireBool(inference, predicate, inner);
  const [items] = inner.own.values();
  return name === 'filter' && items ? { kind: 'list', items } : FLAG;
}

/** `map(x, transform)` and `map(x, predicate, transform)`. */
function checkMap(inference: Inference, rest: readonly SyntaxNode[], inner: Scope): FactType | null {
  const [transform, predicate] = rest.toReversed();
  if (!transform) return null;
  if (predicate) requireBool(inference, predicate, inner);
  const items = inference.infer(transform, inner);
  if (items && !isScalar(items)) {
    return inference.report(transform, `map() makes scalars, not ${typeName(items)}`);
  }
  return items && { kind: 'list', items };
}

function elementOf(inference: Inference, receiver: SyntaxNode, scope: Scope): FactType | null {
  const type = inference.infer(receiver, scope);
  if (!type) return null;
  if (type.kind === 'list') return type.items;
  if (type.kind === 'map') return TEXT;
  return inference.report(receiver, `cannot walk over ${typeName(type)}`);
}

function refuse(inference: Inference, node: NodeOf<'call' | 'rcall'>, name: string): null {
  const reason = REFUSED.get(name) ?? (/^get[A-Z]/u.test(name) ? CALENDAR : null);
  if (reason) return inference.report(node, `${name}() is not allowed: ${reason}`);
  return inference.report(node, `unknown function ${quote(name)}${didYouMean(name, ALLOWED_FUNCTIONS)}`);
}
