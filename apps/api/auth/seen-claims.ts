/** Accounts whose newest token a process remembers, and tokens that it has logged. */
const REMEMBERED_MAX = 20_000;

/** How many different claims of tokens of one second are remembered. */
const SAYINGS_MAX = 8;

interface Newest {
  readonly issuedAtSeconds: number;
  readonly sayings: readonly string[];
}

/** The claims that this process has stored in the directory, by account: a token that was seen costs nothing more. */
export class SeenClaims {
  readonly #newest = new Map<string, Newest>();
  readonly #noted = new Set<string>();

  /** True when this was seen, or something of a later token. */
  has(account: string, issuedAtSeconds: number, saying: string): boolean {
    const known = this.#newest.get(account);
    if (!known || known.issuedAtSeconds < issuedAtSeconds) return false;
    return known.issuedAtSeconds > issuedAtSeconds || known.sayings.includes(saying);
  }

  /** Remembers what the directory holds now. */
  add(account: string, issuedAtSeconds: number, saying: string): void {
    const known = this.#newest.get(account);
    if (known && known.issuedAtSeconds > issuedAtSeconds) return;
    const earlier = known?.issuedAtSeconds === issuedAtSeconds ? known.sayings : [];
    this.#newest.delete(account);
    this.#newest.set(account, { issuedAtSeconds, sayings: [...earlier, saying].slice(-SAYINGS_MAX) });
    forgetOldest(this.#newest);
  }

  /** True the first time. */
  note(what: string): boolean {
    if (this.#noted.has(what)) return false;
    this.#noted.add(what);
    forgetOldest(this.#noted);
    return true;
  }
}

function forgetOldest(kept: Map<string, unknown> | Set<string>): void {
  const [oldest] = kept.keys();
  if (kept.size > REMEMBERED_MAX && oldest !== undefined) kept.delete(oldest);
}
