import { setTimeout as delay } from 'node:timers/promises';

import type { RequestView } from '../contract/requests.ts';
import { refuseUnknownOptions } from './options.ts';
import { KeyturnProblem } from './problem.ts';

/** How to look at a request. */
export interface ShowOptions {
  /** Wait this long for a version after `version`, whole seconds up to 60. */
  readonly waitSeconds?: number;
  readonly version?: number;
  readonly signal?: AbortSignal;
}

/** How to wait for a request. */
export interface AwaitOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const WAIT_SECONDS_MAX = 60;

/** Between two looks at a request, while the server has no room for calls that wait. */
const PAUSE_MS = 10_000;
const PAUSE_MS_MIN = 500;

/** Looks at one request. */
type Show = (options: ShowOptions) => Promise<RequestView>;

/** The last version of a request that could be seen. */
export async function lastOf(versions: AsyncGenerator<RequestView>): Promise<RequestView> {
  let last: RequestView | undefined;
  for await (const request of versions) last = request;
  if (!last) throw new Error('A request without a version.');
  return last;
}

/** Every version of a request that can be seen, until it is in one of these statuses or the time is up: one at least. */
export async function* versionsOf(
  show: Show,
  end: ReadonlySet<string>,
  options: AwaitOptions,
): AsyncGenerator<RequestView> {
  refuseUnknownOptions('waiting', options, ['timeoutMs', 'signal']);
  const signal = options.signal && { signal: options.signal };
  const deadline = Date.now() + (options.timeoutMs ?? Infinity);
  let request = await look(show, { ...signal }, { deadline, known: null });
  yield request;
  while (!end.has(request.status) && Date.now() < deadline) {
    const waitSeconds = Math.min(WAIT_SECONDS_MAX, Math.ceil((deadline - Date.now()) / 1000));
    const { version } = request;
    const next = await look(show, { waitSeconds, version, ...signal }, { deadline, known: request });
    if (next.version !== version) yield next;
    request = next;
  }
}

/**
 * The request as it is or, once the time is up, as it is known. That there are too many calls says nothing of the request
 * and ends nobody's waiting: it is looked at now and then, by calls that do not wait.
 */
async function look(
  show: Show,
  wanted: ShowOptions,
  { deadline, known }: { readonly deadline: number; readonly known: RequestView | null },
): Promise<RequestView> {
  const signal = wanted.signal && { signal: wanted.signal };
  for (let options = wanted; ; options = { ...signal }) {
    try {
      return await show(options);
    } catch (error) {
      if (!(error instanceof KeyturnProblem) || error.status !== 429) throw error;
      const pauseMs = Math.max(PAUSE_MS_MIN, error.retryAfterMs ?? PAUSE_MS);
      await delay(Math.min(pauseMs, Math.max(0, deadline - Date.now())), undefined, signal);
      if (Date.now() < deadline) continue;
      if (known === null) throw error;
      return known;
    }
  }
}
