import type { Filter, FilterOperator } from '../../../database/scim-filter.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { scimRefusal } from '../http/scim-errors.ts';

/** Longer filters are refused. */
export const FILTER_CHARACTERS_MAX = 2_000;
const DEPTH_MAX = 16;
const TERMS_MAX = 64;

const OPERATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'sw', 'ew']);
const SPACE = /\s*/y;
const SCHEMA = /urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/iy;
const ATTRIBUTE = /[a-z$][\w$-]*(?:\.[a-z$][\w$-]*)?/iy;
const WORD = /[a-z]+/iy;
const VALUE =
  // oxlint-disable-next-line no-control-regex -- RFC 8259 section 7 forbids raw control characters in strings
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?\d+(?:\.\d+)?|true|false|null/iy;

/** Parses a filter. Refuses (`invalidFilter`) what does not follow the grammar, is too long or too deep. */
export function parseFilter(text: string): Filter {
  if (text.length > FILTER_CHARACTERS_MAX) throw bad('it is too long');
  const reader = new Reader(text);
  const filter = reader.disjunction(0);
  reader.end();
  return filter;
}

/** A path of a PATCH operation: an attribute, or the elements of one that match a filter. */
export interface ScimPath {
  readonly attribute: string;
  readonly term: Filter | null;
  /** What follows a filter: `emails[type eq "work"].value`. */
  readonly part: string | null;
}

/** Parses a path. Refuses (`invalidFilter`) what has no such form. */
export function parsePath(text: string): ScimPath {
  if (text.length > FILTER_CHARACTERS_MAX) throw bad('it is too long');
  const reader = new Reader(text);
  const path = reader.path();
  reader.end();
  return path;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #terms = 0;

  constructor(text: string) {
    this.#text = text;
  }

  disjunction(depth: number): Filter {
    return this.#joined('or', () => this.#joined('and', () => this.#term(depth)));
  }

  path(): ScimPath {
    const attribute = this.#attribute();
    if (!this.#take('[')) return { attribute, term: null, part: null };
    const term = this.#inside(']', 0);
    return { attribute, term, part: this.#take('.') ? this.#attribute() : null };
  }

  end(): void {
    this.#match(SPACE);
    if (this.#at !== this.#text.length) throw this.#unexpected();
  }

  #joined(word: 'and' | 'or', next: () => Filter): Filter {
    const terms = [next()];
    while (this.#takeWord(word)) terms.push(next());
    const [first] = terms;
    return terms.length === 1 && first ? first : { kind: word, terms };
  }

  #term(depth: number): Filter {
    this.#terms += 1;
    if (depth > DEPTH_MAX || this.#terms > TERMS_MAX) throw bad('it has too many parts');
    if (this.#take('(')) return this.#inside(')', depth);
    const start = this.#at;
    if (this.#takeWord('not') && this.#take('(')) return { kind: 'not', term: this.#inside(')', depth) };
    this.#at = start;
    return this.#expression(depth);
  }

  #inside(close: ')' | ']', depth: number): Filter {
    const filter = this.disjunction(depth + 1);
    if (!this.#take(close)) throw this.#unexpected();
    return filter;
  }

  #expression(depth: number): Filter {
    const attribute = this.#attribute();
    if (this.#take('[')) return { kind: 'within', attribute, term: this.#inside(']', depth) };
    this.#match(SPACE);
    const operator = this.#match(WORD)?.toLowerCase() ?? '';
    if (operator === 'pr') return { kind: 'present', attribute };
    if (!OPERATORS.has(operator)) throw bad(`the operator at character ${this.#at} is not supported`);
    return { kind: 'compare', attribute, operator: operator as FilterOperator, value: this.#value() };
  }

  #attribute(): string {
    this.#match(SPACE);
    this.#match(SCHEMA);
    const name = this.#match(ATTRIBUTE);
    if (name === null) throw this.#unexpected();
    return name.toLowerCase();
  }

  #value(): string | number | boolean | null {
    this.#match(SPACE);
    const token = this.#match(VALUE);
    if (token === null) throw this.#unexpected();
    const value = JSON.parse(token.startsWith('"') ? token : numberText(token)) as JsonValue;
    // Such texts cannot be stored, so nothing equals them.
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed()))
      throw bad('a string in it holds characters that no attribute can hold');
    return value as string | number | boolean | null;
  }

  #take(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #takeWord(word: string): boolean {
    this.#match(SPACE);
    const start = this.#at;
    if (this.#match(WORD)?.toLowerCase() === word && !/[\w.$-]/.test(this.#text[this.#at] ?? '')) return true;
    this.#at = start;
    return false;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #unexpected(): Error {
    return bad(`unexpected text at character ${this.#at}`);
  }
}

/** JSON knows neither leading zeros nor words in capitals. */
function numberText(token: string): string {
  return token.toLowerCase().replace(/^(-?)0+(?=\d)/, '$1');
}

function bad(reason: string): Error {
  return scimRefusal('invalidFilter', `The filter cannot be read: ${reason}.`);
}
