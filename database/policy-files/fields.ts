import { didYouMean, quote } from './problem.ts';
import type { Value } from './value.ts';

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
