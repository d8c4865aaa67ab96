import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { FactField } from '../domain/conditions/fact-type.ts';
import { pathText, type FactPath } from '../domain/conditions/reads.ts';
import type { StoredFacts } from '../domain/policy/built-in-facts.ts';

/** What was seen of one fact over many requests, as a condition that holds for all of them and for little else. */
export class ObservedFact {
  readonly #path: FactPath;
  readonly #field: FactField;
  readonly #read: (facts: StoredFacts) => JsonValue | undefined;
  readonly #words = new Set<string>();
  readonly #flags = new Set<boolean>();
  #max: number | null = null;
  #isAbsentOnce = false;
  #isPresentOnce = false;

  constructor(path: FactPath, field: FactField, read: (facts: StoredFacts) => JsonValue | undefined) {
    this.#path = path;
    this.#field = field;
    this.#read = read;
  }

  see(facts: StoredFacts): void {
    const value = this.#read(facts);
    if (value === undefined) this.#isAbsentOnce = true;
    else this.#isPresentOnce = true;
    if (typeof value === 'number') this.#max = Math.max(this.#max ?? value, value);
    if (typeof value === 'string') this.#words.add(value);
    if (typeof value === 'boolean') this.#flags.add(value);
  }

  /** The condition, or null where there is nothing to bound: any text, any list, or a flag that was seen both ways. */
  bound(): string | null {
    const path = pathText(this.#path);
    if (!this.#isPresentOnce) return this.#field.optional ? `!has(${path})` : null;
    const bound = this.#boundOf(path);
    if (bound === null || !this.#field.optional) return bound;
    return this.#isAbsentOnce ? `(!has(${path}) || ${bound})` : `has(${path}) && ${bound}`;
  }

  #boundOf(path: string): string | null {
    const { type } = this.#field;
    if (type.kind === 'int') return this.#max === null ? null : `${path} <= ${this.#max}`;
    if (type.kind === 'string' && type.enum !== null)
      return `${path} in [${[...this.#words]
        .sort()
        .map((word) => JSON.stringify(word))
        .join(', ')}]`;
    if (type.kind !== 'bool' || this.#flags.size !== 1) return null;
    return this.#flags.has(true) ? path : `!${path}`;
  }
}
