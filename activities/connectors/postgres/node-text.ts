import { notPreviewable, StatementRefused } from './refusal.ts';

/** One node of a statement as PostgreSQL analysed it. */
export class QueryNode {
  readonly kind: string;
  readonly fields: ReadonlyMap<string, NodeValue>;

  constructor(kind: string, fields: ReadonlyMap<string, NodeValue>) {
    this.kind = kind;
    this.fields = fields;
  }

  value(name: string): NodeValue {
    return this.fields.get(name) ?? null;
  }

  /** A field that holds a list. */
  list(name: string): readonly NodeValue[] {
    const value = this.value(name);
    return Array.isArray(value) ? (value as readonly NodeValue[]) : [];
  }

  /** The nodes of a field that holds a list. */
  nodes(name: string): readonly QueryNode[] {
    return this.list(name).filter((value) => value instanceof QueryNode);
  }

  /** A field that holds a node. */
  node(name: string): QueryNode | null {
    const value = this.value(name);
    return value instanceof QueryNode ? value : null;
  }

  /** A field that holds one word. */
  word(name: string): string {
    const value = this.value(name);
    return typeof value === 'string' ? value : '';
  }

  /** A field that names an object by its oid; null where it names none. */
  oid(name: string): string | null {
    const word = this.word(name);
    return /^[1-9]\d*$/.test(word) ? word : null;
  }

  /** A field that holds a number; not a number when it is anything else. */
  number(name: string): number {
    const word = this.word(name);
    return /^-?\d+$/.test(word) ? Number(word) : Number.NaN;
  }
}

/** A field of a node: nothing, one word, a list, another node, or the bytes of a constant. */
export type NodeValue = null | string | QueryNode | readonly NodeValue[];

/** Deeper nesting is refused: reading is recursive. */
const DEPTH_MAX = 1_500;

/**
 * Reads the text form of `pg_node_tree`. Strict: each field has exactly one value, so that no name that a statement
 * chooses can pass for a field. Throws `StatementRefused` for whatever it cannot read.
 */
export function readNodeText(text: string): NodeValue {
  const words = new Words(text);
  const value = readValue(words, 0);
  if (words.next() !== null) throw unreadable();
  return value;
}

function unreadable(): StatementRefused {
  return notPreviewable("The target's analysis of the statement cannot be read. Write it in a simpler form.");
}

/** The words of a node tree by PostgreSQL's own rule: blanks and brackets end one, a backslash takes the next sign. */
class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#words = text.match(/[(){}]|(?:[^ \n\t(){}\\]+|\\[\s\S]?)+/g) ?? [];
  }

  /** The next word without taking it. */
  peek(): string | null {
    return this.#words[this.#at] ?? null;
  }

  next(): string | null {
    this.#at += 1;
    return this.#words[this.#at - 1] ?? null;
  }
}

function readValue(words: Words, depth: number): NodeValue {
  if (depth > DEPTH_MAX) throw unreadable();
  const word = words.next();
  if (word === null || word === ')' || word === '}') throw unreadable();
  if (word === '{') return readNode(words, depth);
  if (word === '(') return readList(words, depth);
  return word === '<>' ? null : word.replace(/\\([\s\S])/g, '$1');
}

function readList(words: Words, depth: number): readonly NodeValue[] {
  const values: NodeValue[] = [];
  while (words.peek() !== ')') values.push(readValue(words, depth + 1));
  words.next();
  return values;
}

function readNode(words: Words, depth: number): QueryNode {
  const kind = words.next();
  if (kind === null || !/^[A-Z]+$/.test(kind)) throw unreadable();
  const fields = new Map<string, NodeValue>();
  for (let name = words.next(); name !== '}'; name = words.next()) {
    if (name === null || !/^:\w+$/.test(name) || fields.has(name.slice(1))) throw unreadable();
    fields.set(name.slice(1), name === ':constvalue' ? readBytes(words) : readValue(words, depth + 1));
  }
  return new QueryNode(MODERN_KINDS.get(kind) ?? kind, fields);
}

/** `5 [ 20 0 0 0 120 ]`: a length, then bytes with a sign. */
function readBytes(words: Words): NodeValue {
  const length = words.next();
  if (length === '<>') return null;
  if (length === null || words.next() !== '[') throw unreadable();
  const bytes: string[] = [length];
  for (let word = words.next(); word !== ']'; word = words.next()) {
    if (word === null || !/^-?\d{1,3}$/.test(word)) throw unreadable();
    bytes.push(word);
  }
  return bytes;
}

/** Names of kinds before PostgreSQL 16. */
const MODERN_KINDS: ReadonlyMap<string, string> = new Map([
  ['RTE', 'RANGETBLENTRY'],
  ['WHEN', 'CASEWHEN'],
  ...['ARRAY', 'ROW', 'CASE', 'COALESCE', 'MINMAX', 'ROWCOMPARE'].map(
    (kind) => [kind, `${kind}EXPR`] as const,
  ),
]);

/** The nodes right below a value, through lists. */
export function* childrenOf(value: NodeValue): Generator<QueryNode> {
  if (value instanceof QueryNode) for (const field of value.fields.values()) yield* nodesIn(field);
  else yield* nodesIn(value);
}

/** Every node below a value, those above first. */
export function* nodesBelow(value: NodeValue): Generator<QueryNode> {
  const open = [...childrenOf(value)].reverse();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    for (const child of [...childrenOf(node)].reverse()) open.push(child);
  }
}

function* nodesIn(value: NodeValue): Generator<QueryNode> {
  if (value instanceof QueryNode) yield value;
  else if (Array.isArray(value)) for (const item of value as readonly NodeValue[]) yield* nodesIn(item);
}
