import { didYouMean, quote } from './did-you-mean.ts';
import { ENGINE_NAMES, type NodeOf, type Range, type SyntaxNode } from './engine.ts';
import { isTrue } from './existing.ts';
import type { FactType } from './fact-type.ts';
import { typeName, type Inference, type Scope } from './inference.ts';
import { quotesHint } from './missing-quotes.ts';
import { pathOf, pathText } from './reads.ts';

interface FieldRead extends Range {
  readonly node: SyntaxNode;
  readonly name: string;
  /** Whether the read itself asks if the field exists. */
  readonly isQuestion: boolean;
  readonly scope: Scope;
}

/** The type of a variable. */
export function checkVariable(inference: Inference, node: NodeOf<'id'>, scope: Scope): FactType | null {
  if (ENGINE_NAMES.has(node.args))
    return inference.report(node, `${quote(node.args)} is a word of the language`);
  const type = scope.own.get(node.args) ?? ownField(inference.variables, node.args);
  if (type) return usable(inference, node, type);
  const known = [...scope.own.keys(), ...Object.keys(inference.variables)];
  const hint =
    quotesHint(node.args, inference.variables) ||
    didYouMean(node.args, known) ||
    onlyVariable(inference.variables);
  return inference.report(node, `unknown variable ${quote(node.args)}${hint}`);
}

/** With a single variable, reading another one means that the condition was taken for one of another kind. */
function onlyVariable(variables: Inference['variables']): string {
  const [[name, type] = [], ...others] = Object.entries(variables);
  if (name === undefined || type?.kind !== 'object' || others.length > 0) return '';
  return `: only ${quote(name)} can be read here (its ${Object.keys(type.fields).join(', ')})`;
}

/** The type of `object.field` and `map.key`. */
export function checkField(inference: Inference, node: NodeOf<'.'>, scope: Scope): FactType | null {
  const [parent, name] = node.args;
  const owner = inference.infer(parent, scope);
  const type =
    owner && fieldType(inference, owner, { ...fieldRange(node), node, name, isQuestion: false, scope });
  return type && usable(inference, fieldRange(node), type);
}

/** The type of `list[0]`, `map["key"]` and `object["field"]`. */
export function checkIndex(inference: Inference, node: NodeOf<'[]'>, scope: Scope): FactType | null {
  const [parent, index] = node.args;
  const owner = inference.infer(parent, scope);
  const key = inference.infer(index, scope);
  if (!owner || !key) return null;
  const type = elementType(inference, { node, owner, key }, scope);
  return type && usable(inference, index, type);
}

/** The problems of the one argument of `has()`: its parents must be readable, the field itself need not exist. */
export function checkHas(inference: Inference, node: NodeOf<'call'>, scope: Scope): boolean {
  const [argument, ...rest] = node.args[1];
  if (argument?.op !== '.' || rest.length > 0 || !isDotted(argument)) {
    inference.report(node, 'has() takes one path such as args.limit');
    return false;
  }
  const owner = inference.infer(argument.args[0], scope);
  const read = { ...fieldRange(argument), node: argument, name: argument.args[1], isQuestion: true, scope };
  return owner !== null && fieldType(inference, owner, read) !== null;
}

/** The engine's has() knows no brackets. */
function isDotted(node: SyntaxNode): boolean {
  return node.op === 'id' || (node.op === '.' && isDotted(node.args[0]));
}

interface IndexRead {
  readonly node: NodeOf<'[]'>;
  readonly owner: FactType;
  readonly key: FactType;
}

function elementType(inference: Inference, { node, owner, key }: IndexRead, scope: Scope): FactType | null {
  const index = node.args[1];
  if (owner.kind === 'list' && key.kind === 'int') return owner.items;
  if (key.kind === 'string' && index.op === 'value' && typeof index.args === 'string') {
    const read = { start: index.start, end: index.end, node, name: index.args, isQuestion: false, scope };
    return fieldType(inference, owner, read);
  }
  if (key.kind === 'string' && owner.kind === 'map') return owner.values;
  return inference.report(index, `cannot look up ${typeName(key)} in ${typeName(owner)}`);
}

function fieldType(inference: Inference, owner: FactType, read: FieldRead): FactType | null {
  if (owner.kind === 'map') return required(inference, read) ? owner.values : null;
  if (owner.kind !== 'object') return inference.report(read, `${typeName(owner)} has no fields`);
  const field = ownField(owner.fields, read.name);
  if (!field) {
    const hint = didYouMean(read.name, Object.keys(owner.fields));
    return inference.report(read, `unknown field ${quote(read.name)}${hint}`);
  }
  if (field.optional && !required(inference, read, field.known_by)) return null;
  return field.type;
}

/** True when the field is certain to exist, or the read asks just that. */
function required(inference: Inference, read: FieldRead, knownBy?: string): boolean {
  const path = pathOf(read.node);
  const text = path && pathText(path);
  if (read.isQuestion || (text && read.scope.existing.has(text))) return true;
  const flag = path && knownBy !== undefined ? [...path.slice(0, -1), knownBy] : null;
  if (flag && read.scope.existing.has(isTrue(flag))) return true;
  const test = flag ? `${pathText(flag)} && …` : question(read);
  inference.report(read, `${quote(read.name)} may be absent: test it first with ${test}`);
  return false;
}

function question({ node, name }: FieldRead): string {
  const path = pathOf(node);
  if (!path) return 'has()';
  return isDotted(node)
    ? `has(${pathText(path)}) && …`
    : `${JSON.stringify(name)} in ${pathText(path.slice(0, -1))} && …`;
}

function usable(inference: Inference, range: Range, type: FactType): FactType | null {
  if (type.kind !== 'any') return type;
  return inference.report(range, 'this value has no single type in its schema: only has() may ask for it');
}

/** The name after the dot. */
function fieldRange(node: NodeOf<'.'>): Range {
  return { start: node.pos, end: node.end };
}

function ownField<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
