import { isMap, isNode, isScalar, isSeq, Scalar, type LineCounter, type Node } from 'yaml';

import { parseDurationMs } from './durations.ts';
import { didYouMean, quote, type PolicyProblem } from './problem.ts';
import type { JsonValue } from '../domain/crypto/canonical-json.ts';

/** A parsed file, and where its problems go. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: LineCounter;
  readonly problems: PolicyProblem[];
}

/** Keys that JavaScript or YAML misread: refused when a file is parsed, and never read after that. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype', '<<']);

const TEXT_LENGTH_MAX = 500;
const NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;

/**
 * A value of a file together with its location. Every reading method reports what is wrong there and then returns
 * a harmless stand-in, so that one pass finds all mistakes: a set with any problem is discarded as a whole.
 */
export class Value {
  readonly source: Source;
  readonly node: Node | null;
  readonly offset: number;

  constructor(source: Source, node: Node | null, fallbackOffset: number) {
    this.source = source;
    this.node = node;
    this.offset = node?.range?.[0] ?? fallbackOffset;
  }

  refuse(message: string): undefined {
    const { line, column } = this.position();
    this.source.problems.push({ file: this.source.file, line, column, message });
    return undefined;
  }

  /** The same value, at another location of the file: for a problem inside a text. */
  at(offset: number | undefined): Value {
    return new Value(this.source, null, offset ?? this.offset);
  }

  /** A word of this text, with its location. */
  as(word: string): Value {
    return new Value(this.source, new Scalar(word), this.offset);
  }

  position(): { readonly line: number; readonly column: number } {
    const { line, col } = this.source.lines.linePos(this.offset);
    return line === 0 ? { line: 1, column: 1 } : { line, column: col };
  }

  /** `rules/sql.yaml:12` */
  location(): string {
    return `${this.source.file}:${this.position().line}`;
  }

  isNull(): boolean {
    return this.node === null || (isScalar(this.node) && this.node.value === null);
  }

  isList(): boolean {
    return isSeq(this.node);
  }

  isMapping(): boolean {
    return isMap(this.node);
  }

  isText(): boolean {
    return isScalar(this.node) && typeof this.node.value === 'string';
  }

  /** One line of text. */
  text(): string {
    const content = this.rawText();
    if (content.includes('${')) return this.#no('${…} is replaced only in the issuers of directory.yaml');
    return content;
  }

  /** One line of text that may hold `${NAME}`. */
  rawText(): string {
    const content = isScalar(this.node) ? this.node.value : undefined;
    if (typeof content !== 'string') return this.#expected('text');
    const line = content.trimEnd();
    if (line === '') return this.#no('empty text');
    if (line.length > TEXT_LENGTH_MAX) return this.#no(`longer than ${TEXT_LENGTH_MAX} characters`);
    // Also refuses marks that reorder or hide text: a reviewer must see what the file says.
    if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(line)) return this.#no('holds control or invisible characters');
    return line;
  }

  /** A short lower-case name such as an id. */
  name(): string {
    if (!this.isText()) return this.text();
    const content = this.text();
    if (content === '' || NAME.test(content)) return content;
    return this.#no(`${quote(content)} is not a name: lower-case letters, digits, and . _ - inside`);
  }

  integer(range: { readonly min: number; readonly max: number }): number {
    const content = isScalar(this.node) ? this.node.value : undefined;
    if (typeof content !== 'number') return this.#expected('a whole number') || range.min;
    if (Number.isInteger(content) && content >= range.min && content <= range.max) return content;
    this.refuse(`${content} is not a whole number from ${range.min} to ${range.max}`);
    return range.min;
  }

  flag(): boolean {
    const content = isScalar(this.node) ? this.node.value : undefined;
    if (typeof content === 'boolean') return content;
    this.#expected('true or false');
    return false;
  }

  /** One of the listed words; undefined for any other. */
  choice<Option extends string>(options: readonly Option[]): Option | undefined {
    const content = this.text();
    const found = options.find((option) => option === content);
    if (found !== undefined || content === '') return found;
    return this.refuse(
      `${quote(content)} is not one of ${options.join(', ')}${didYouMean(content, options)}`,
    );
  }

  durationMs(): number {
    const content = this.text();
    if (content === '') return 0;
    const milliseconds = parseDurationMs(content);
    if (milliseconds !== null) return milliseconds;
    this.refuse(
      `${quote(content)} is not a duration: 90s, 15m, 4h, 2d or PT15M, more than zero, up to a year`,
    );
    return 0;
  }

  /** The entries of a list that must have some. */
  items(): readonly Value[] {
    const list = this.list();
    if (this.isList() && list.length === 0) this.refuse('an empty list');
    return list;
  }

  list(): readonly Value[] {
    if (!this.isList()) this.#expected('a list');
    return this.children();
  }

  /** The entries of a list, without any check. */
  children(): readonly Value[] {
    if (!isSeq(this.node)) return [];
    return this.node.items.map((item) => new Value(this.source, isNode(item) ? item : null, this.offset));
  }

  /** Names in a list that must have some, each once. */
  names(): readonly Value[] {
    const seen = new Set<string>();
    return this.items().filter((item) => {
      const name = item.text();
      if (name !== '' && seen.has(name)) item.refuse(`${quote(name)} is listed twice`);
      seen.add(name);
      return name !== '';
    });
  }

  /** The key-value pairs of a mapping, unchecked; the first of two equal keys holds. */
  pairs(): readonly { readonly name: string; readonly key: Value; readonly value: Value }[] {
    if (!isMap(this.node)) {
      this.#expected('a mapping');
      return [];
    }
    const pairs = this.node.items.flatMap((pair) => {
      if (!isScalar(pair.key) || typeof pair.key.value !== 'string') return [];
      if (FORBIDDEN_KEYS.has(pair.key.value)) return [];
      const key = new Value(this.source, pair.key, this.offset);
      const value = new Value(this.source, isNode(pair.value) ? pair.value : null, key.offset);
      return [{ name: pair.key.value, key, value }];
    });
    return pairs.filter((pair, index) => pairs.findIndex(({ name }) => name === pair.name) === index);
  }

  fields(shape: Shape): Fields {
    return new Fields(this, shape);
  }

  /** The value as JSON. Aliases, unsafe numbers and forbidden keys were refused when the file was parsed. */
  json(): JsonValue {
    if (isSeq(this.node)) return this.children().map((child) => child.json());
    if (isMap(this.node)) return this.object();
    const content = isScalar(this.node) ? this.node.value : null;
    return typeof content === 'number' || typeof content === 'boolean' || typeof content === 'string'
      ? content
      : null;
  }

  object(): Readonly<Record<string, JsonValue>> {
    return Object.fromEntries(this.pairs().map(({ name, value }) => [name, value.json()]));
  }

  #expected(what: string): '' {
    return this.#no(`expected ${what}, found ${this.#found()}`);
  }

  #no(message: string): '' {
    this.refuse(message);
    return '';
  }

  #found(): string {
    if (isSeq(this.node)) return 'a list';
    if (isMap(this.node)) return 'a mapping';
    if (this.isNull()) return 'nothing';
    const content = isScalar(this.node) ? this.node.value : null;
    if (typeof content === 'string') return 'text';
    return `the ${typeof content} ${String(content)} (put it in quotes if text is meant)`;
  }
}

/** Keys of a mapping: must be there, may be there, or is known and refused with a reason. */
export type Shape = Readonly<Record<string, 'required' | 'optional' | { readonly refused: string }>>;

/** The fields of a mapping. Unknown, refused and missing keys are reported when it is made. */
export class Fields {
  readonly value: Value;
  readonly #byKey = new Map<string, Value>();

  constructor(value: Value, shape: Shape) {
    this.value = value;
    const known = Object.keys(shape).filter((key) => typeof shape[key] === 'string');
    const pairs = value.pairs();
    for (const pair of pairs) {
      const presence = Object.hasOwn(shape, pair.name) ? shape[pair.name] : undefined;
      if (presence === undefined)
        pair.key.refuse(`unknown key ${quote(pair.name)}${didYouMean(pair.name, known)}`);
      else if (typeof presence === 'object') pair.key.refuse(`${pair.name}: ${presence.refused}`);
      else this.#byKey.set(pair.name, pair.value);
    }
    // Of something that is no mapping, which was reported, nothing is missing.
    const missing = known.filter((key) => shape[key] === 'required' && !this.#byKey.has(key));
    if (value.isMapping() && missing.length > 0) value.refuse(`missing ${missing.map(quote).join(', ')}`);
  }

  get(key: string): Value | undefined {
    return this.#byKey.get(key);
  }

  text(key: string): string {
    return this.get(key)?.text() ?? '';
  }

  name(key: string): string {
    return this.get(key)?.name() ?? '';
  }

  flag(key: string, otherwise: boolean): boolean {
    return this.get(key)?.flag() ?? otherwise;
  }

  items(key: string): readonly Value[] {
    return this.get(key)?.items() ?? [];
  }

  list(key: string): readonly Value[] {
    return this.get(key)?.list() ?? [];
  }

  names(key: string): readonly Value[] {
    return this.get(key)?.names() ?? [];
  }
}
