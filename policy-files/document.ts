import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';

import { isExactNumber } from '../domain/crypto/exact-number.ts';
import type { PolicyFile } from './folder.ts';
import { quote, type PolicyProblem } from './problem.ts';
import { FORBIDDEN_KEYS, Value, type Source } from './value.ts';

/** Deeper nesting is refused: no policy needs it, and recursion must end long before the stack does. */
const DEPTH_MAX = 32;

/**
 * Parses a file and checks what holds for every file: YAML syntax, one document, keys that are text and occur once,
 * no aliases (what a reviewer reads must be what applies there) and nothing that JSON cannot express. Undefined when
 * the file cannot be read any further.
 */
export function parseFile(file: PolicyFile, problems: PolicyProblem[]): Value | undefined {
  const source: Source = { file: file.file, text: file.text, lines: new LineCounter(), problems };
  const document = parse(source, file.text);
  if (!document) return undefined;
  const root = new Value(source, document.contents, 0);
  if (document.contents === null || root.isNull()) return root.refuse('the file is empty');
  return inspect(root, 0) ? root : undefined;
}

function parse(source: Source, text: string): Document.Parsed | undefined {
  const whole = new Value(source, null, 0);
  try {
    const document = parseDocument(text, {
      lineCounter: source.lines,
      schema: 'core',
      merge: false,
      prettyErrors: false,
      uniqueKeys: false,
    });
    const mistakes = [...document.errors, ...document.warnings];
    // One mistake makes the parser report several errors at one position: the first says it best.
    const positions = new Set<number>();
    for (const mistake of mistakes) {
      if (positions.has(mistake.pos[0])) continue;
      positions.add(mistake.pos[0]);
      new Value(source, null, mistake.pos[0]).refuse(
        `YAML: ${firstLine(mistake.message)}${quotesHint(mistake.message)}`,
      );
    }
    return mistakes.length === 0 ? document : undefined;
  } catch {
    return whole.refuse('YAML: cannot be parsed (nested too deeply?)');
  }
}

/** Most such mistakes are a text that YAML reads as something else. */
function quotesHint(message: string): string {
  if (message.startsWith('Unresolved tag')) return ' (a text that begins with ! needs quotes)';
  return message.startsWith('Nested mappings are not allowed') ? " (a text with ': ' needs quotes)" : '';
}

function firstLine(message: string): string {
  return quote(message.split('\n', 1)[0] ?? '').slice(1, -1);
}

/** False when the values below cannot be read as written. */
function inspect(value: Value, depth: number): boolean {
  if (depth > DEPTH_MAX) return refuse(value, `nested deeper than ${DEPTH_MAX}`);
  const { node } = value;
  if (node === null) return true;
  if (isAlias(node)) return refuse(value, 'aliases are not allowed: write the value out');
  if ('anchor' in node && node.anchor !== undefined) value.refuse('anchors are not allowed');
  if (node.tag !== undefined) value.refuse('tags are not allowed');
  if (isScalar(node)) return inspectScalar(value, node);
  return inspectChildren(value, node, depth);
}

function refuse(value: Value, message: string): false {
  value.refuse(message);
  return false;
}

function inspectScalar(value: Value, { value: content, source = '' }: Scalar): boolean {
  if (typeof content === 'string' && !content.isWellFormed()) return refuse(value, 'holds a lone surrogate');
  if (typeof content !== 'number') return true;
  if (!Number.isFinite(content)) return refuse(value, 'not a finite number');
  if (Number.isInteger(content) && !Number.isSafeInteger(content)) {
    return refuse(value, 'an integer beyond 2^53-1 would lose digits: write it as text');
  }
  if (DECIMAL.test(source) && !isExactNumber(source, content)) {
    return refuse(value, `would become ${content}: write that, or the number as text`);
  }
  return true;
}

/** Other numbers (0x1f, 0o17) are whole. */
const DECIMAL = /^[-+]?[\d.]+(?:e[-+]?\d+)?$/i;

function inspectChildren(value: Value, node: Node, depth: number): boolean {
  if (isMap(node)) {
    const areKeysRead = inspectKeys(value, node);
    const areValuesRead = node.items.map((pair) => inspect(valueOf(value.source, pair), depth + 1));
    return areKeysRead && areValuesRead.every(Boolean);
  }
  return value
    .children()
    .map((child) => inspect(child, depth + 1))
    .every(Boolean);
}

function inspectKeys(value: Value, map: YAMLMap): boolean {
  const seen = new Map<string, Value>();
  let isReadable = true;
  for (const pair of map.items) {
    const key = new Value(value.source, isNode(pair.key) ? pair.key : null, value.offset);
    const name = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof name !== 'string') isReadable = refuse(key, 'a key must be text');
    else if (FORBIDDEN_KEYS.has(name)) key.refuse(`the key ${quote(name)} is not allowed`);
    else if (seen.has(name))
      key.refuse(`duplicate key ${quote(name)} (first at ${seen.get(name)?.location()})`);
    else seen.set(name, key);
  }
  return isReadable;
}

function valueOf(source: Source, pair: Pair): Value {
  const offset = isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
  return new Value(source, isNode(pair.value) ? pair.value : null, offset);
}
