import { useKey } from '../../../database/api-keys.ts';
import type { ApiContext } from '../context.ts';
import { principalOfKey, type Principal } from './principal.ts';
import { digestOfSecret, newSecret } from './session-cookie.ts';
import { refusedToken } from './token-refusal.ts';

/** What scanners for secrets find keys by. No JWT begins like that. */
const MARK = 'kt_';
const ID = 'key_';
const SHOWN_OF_ID = 8;
const KEY = /^kt_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$/;

/** True for what claims to be an API key. */
export function isApiKey(bearer: string): boolean {
  return bearer.startsWith(MARK);
}

/** A new key: how it begins names it to people, the rest is 256 random bits. */
export function newKey(id: string): { readonly prefix: string; readonly key: string } {
  const prefix = MARK + id.slice(ID.length, ID.length + SHOWN_OF_ID);
  return { prefix, key: `${prefix}_${newSecret()}` };
}

/** Turns API keys into principals: each call asks the database, so that a revocation acts at once. */
export class KeyVerifier {
  readonly #context: Pick<ApiContext, 'source'>;

  constructor(context: Pick<ApiContext, 'source'>) {
    this.#context = context;
  }

  /** The principal of a live key. Refuses (`unauthenticated`) all others in one way: nobody learns which key there was. */
  async verify(key: string): Promise<Principal> {
    const live = KEY.test(key) ? await useKey(this.#context.source.manager, digestOfSecret(key)) : null;
    if (!live) throw refusedToken('api_key');
    return principalOfKey(live);
  }
}
