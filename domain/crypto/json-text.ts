import { FORBIDDEN_KEYS, type JsonValue } from './canonical-json.ts';
import { KeyturnError } from '../errors.ts';
import { isExactNumber } from './exact-number.ts';

/** Nesting deeper than this is refused. One less than what has a canonical form, since arguments sit inside a body. */
export const JSON_DEPTH_MAX = 60;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// oxlint-disable-next-line no-control-regex -- RFC 8259 section 7 forbids raw control characters in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORDS = Object.entries({ true: true, false: false, null: null });

/**
 * The value of a JSON text (RFC 8259). Refuses what `JSON.parse` would change in silence, since people approve a digest of
 * the value: numbers that would become other ones, keys given twice, keys that frameworks drop; also lone surrogates, NUL
 * (which databases cannot hold) and deep nesting.
 */
export function parseJsonText(text: string): JsonValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) throw lossy(`it is nested deeper than ${JSON_DEPTH_MAX}`);
    this.#match(SPACE);
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  end(): void {
    this.#match(SPACE);
    if (this.#at !== this.#text.length) throw this.#malformed();
  }

  #object(depth: number): JsonValue {
    const entries = new Map<string, JsonValue>();
    this.#at += 1;
    if (this.#isNext('}')) return {};
    do {
      this.#match(SPACE);
      const key = this.#string();
      if (FORBIDDEN_KEYS.has(key)) throw lossy(`the key ${key} is not allowed`);
      if (entries.has(key)) throw lossy('a key is given twice in one object');
      if (!this.#isNext(':')) throw this.#malformed();
      entries.set(key, this.value(depth + 1));
    } while (this.#isNext(','));
    if (!this.#isNext('}')) throw this.#malformed();
    return Object.fromEntries(entries);
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#isNext(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#isNext(','));
    if (!this.#isNext(']')) throw this.#malformed();
    return items;
  }

  #string(): string {
    const token = this.#match(STRING)?.[0];
    if (token === undefined) throw this.#malformed();
    const value = JSON.parse(token) as string;
    if (!value.isWellFormed()) throw lossy('a string holds a lone surrogate');
    if (value.includes('\0')) throw lossy('a string holds the character NUL');
    return value;
  }

  #scalar(): JsonValue {
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const match = this.#match(NUMBER);
    if (!match) throw this.#malformed();
    return exactNumber(match[0]);
  }

  #isNext(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #malformed(): KeyturnError {
    return new KeyturnError('invalid_json', `It is not JSON: unexpected text at character ${this.#at}.`);
  }
}

function exactNumber(token: string): number {
  const value = Number(token);
  if (!Number.isFinite(value)) throw lossy('a number is too large');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw lossy('an integer beyond 2^53-1 would lose digits: send it as a string');
  }
  if (!isExactNumber(token, value)) {
    throw lossy(`a number would become ${JSON.stringify(value)}: send that, or the number as a string`);
  }
  return value;
}

function lossy(reason: string): KeyturnError {
  return new KeyturnError('not_canonical', `This JSON is not accepted: ${reason}.`);
}
