import { setTimeout as delay } from 'node:timers/promises';

import { refuseUnknownOptions } from './options.ts';
import { KeyturnProblem, problemOf } from './problem.ts';

/** Where the server is, and on whose behalf it is called. */
export interface TransportOptions {
  readonly baseUrl: string;
  /** A bearer token, or how to get a fresh one. */
  readonly token: string | (() => string | Promise<string>);
  /** How often a call is made before its refusal is final; 4 unless told. */
  readonly attemptsMax?: number;
  /** The longest pause that is obeyed; a longer `Retry-After` ends in the refusal. 30 s unless told. */
  readonly pauseMsMax?: number;
}

/** One call, which does no more when it is made twice than once. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** An answer of the server. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

const ATTEMPTS_MAX = 4;
const PAUSE_MS_MAX = 30_000;

/** Makes calls: adds the token, turns refusals into `KeyturnProblem`, comes back when the server asks to. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    refuseUnknownOptions('KeyturnClient', options, ['baseUrl', 'token', 'attemptsMax', 'pauseMsMax']);
    if (!URL.canParse(options.baseUrl))
      throw new TypeError('KeyturnClient needs a `baseUrl`, such as https://keyturn.example.');
    this.#options = options;
  }

  /** The parsed answer. Makes the very same call again (also the same key) after 429 and 503. */
  async call<Body>(call: Call): Promise<Answer<Body>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await this.open(call);
        return { status: response.status, body: parsed<Body>(response, await response.text()) };
      } catch (error) {
        const pauseMs = pauseBefore(call, error, attempt);
        const isLast = attempt >= (this.#options.attemptsMax ?? ATTEMPTS_MAX);
        if (pauseMs === null || isLast || pauseMs > (this.#options.pauseMsMax ?? PAUSE_MS_MAX)) throw error;
        await delay(pauseMs, undefined, { signal: call.signal });
      }
    }
  }

  /** The raw successful answer, for streams. */
  async open(call: Call): Promise<Response> {
    const url = this.#url(call);
    const response = await fetch(url, {
      method: call.method,
      headers: await this.#headers(call),
      // A redirect could carry the token elsewhere: it is an answer as any other, and none that was asked for.
      redirect: 'manual',
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    }).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  #url(call: Call): URL {
    const url = new URL(`${this.#options.baseUrl.replace(/\/+$/, '')}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async #headers(call: Call): Promise<Record<string, string>> {
    const { token } = this.#options;
    const bearer = typeof token === 'string' ? token : await token();
    return {
      accept: 'application/json, application/problem+json',
      ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    };
  }
}

/** What is no JSON comes from something else than Keyturn. */
function parsed<Body>({ status, headers }: Response, text: string): Body {
  try {
    return JSON.parse(text);
  } catch {
    throw new KeyturnProblem({ status, code: `http_${status}`, detail: 'The answer is not JSON.' }, headers);
  }
}

/** fetch says only that it failed: names the server, and keeps the error a TypeError. */
function unreachable({ origin }: URL, error: unknown): unknown {
  if (!(error instanceof TypeError && error.cause instanceof Error)) return error;
  const { cause } = error;
  // A name with several addresses has a reason for each.
  const [reason = cause] = cause instanceof AggregateError ? (cause.errors as Error[]) : [];
  return new TypeError(`${origin} cannot be reached (${reason.message}).`, { cause });
}

/** How long to wait before the same call is made again; null when it must not be. */
function pauseBefore(call: Call, error: unknown, attempt: number): number | null {
  if (call.signal?.aborted) return null;
  const backoffMs = 250 * 2 ** (attempt - 1) * (0.5 + Math.random());
  // fetch tells a server that cannot be reached by a TypeError.
  if (error instanceof TypeError) return backoffMs;
  if (!(error instanceof KeyturnProblem)) return null;
  const isWorthIt = error.status === 429 || error.status === 503;
  return isWorthIt ? (error.retryAfterMs ?? backoffMs) : null;
}
