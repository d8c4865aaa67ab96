import { randomUUID } from 'node:crypto';

import { pause } from '../../../scripts/servers/process.ts';
import {
  create,
  freshAccount,
  limitOf,
  type Asked,
  type Journey,
} from '../../journeys/durability/journey.ts';
import { call, type Reply } from '../../stack/http.ts';

export const REQUESTS = 100;

/** How many requests are under way at once. */
const AT_ONCE = 25;

/** Between two kills: long enough for something to be under way again, shorter than a recovery takes. */
const PAUSE_MS_MAX = 6_000;

/** Requests whose callers repeat every call until it is answered, while processes are killed and started again. */
export class Storm {
  readonly #journey: Journey;
  readonly #random: () => number;
  readonly #deaths: string[] = [];
  #isOver = false;

  constructor(journey: Journey, seed: number) {
    this.#journey = journey;
    this.#random = randomFrom(seed);
    process.stdout.write(`The storm has the seed ${seed}.\n`);
  }

  /** Kills one process after the other until `end` is called. */
  async kills(): Promise<void> {
    const { apis, workers, temporalPlace } = this.#journey.stack;
    const programs = [...apis, ...workers, ...workers, temporalPlace.server];
    while (!this.#isOver) {
      await pause(this.#random() * PAUSE_MS_MAX);
      const victim = programs[Math.floor(this.#random() * programs.length)];
      await victim?.kill9();
      await pause(this.#random() * 1_000);
      await victim?.start();
      this.#deaths.push(victim && 'name' in victim ? victim.name : 'temporal');
    }
    process.stdout.write(`Killed: ${this.#deaths.join(', ')}.\n`);
  }

  end(): void {
    this.#isOver = true;
  }

  /** Makes and approves all requests; each is answered in the end. */
  async requests(): Promise<readonly Asked[]> {
    const made: Asked[] = [];
    const one = async (): Promise<void> => {
      while (made.length + underWay < REQUESTS) {
        underWay += 1;
        const asked = await this.#ask();
        await this.#approve(asked);
        underWay -= 1;
        made.push(asked);
      }
    };
    let underWay = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return made;
  }

  async #ask(): Promise<Asked> {
    const asking = { account: freshAccount(), key: randomUUID() };
    const limit = await limitOf(this.#journey.stack, asking.account);
    const { body } = await this.#untilAnswered((api) => create(this.#journey, asking, { wait: 5, api }));
    return { ...asking, limit, id: body.id };
  }

  /** An answer that was lost may have been an approval that counts: then the repetition is refused as one. */
  async #approve({ id }: Asked): Promise<void> {
    const { stack, olga } = this.#journey;
    const row = await stack.waitForStatus(id, ['pending', 'approved', 'executing', 'succeeded'], 300_000);
    const body = { decision_digest: row['decision_digest'], verdict: 'approve' };
    const path = `/v1/requests/${id}/decisions`;
    await this.#untilAnswered((api) => call(stack.apis[api]?.url ?? '', { path, token: olga, body }));
    await stack.waitForStatus(id, ['succeeded', 'failed', 'indeterminate', 'denied', 'expired'], 300_000);
  }

  /** Repeats a call at either API until one answers with something else than that it cannot now. */
  async #untilAnswered<Body>(attempt: (api: number) => Promise<Reply<Body>>): Promise<Reply<Body>> {
    for (;;) {
      const reply = await attempt(this.#random() < 0.5 ? 0 : 1).catch(() => null);
      if (reply !== null && reply.status < 500) return reply;
      await pause(100);
    }
  }
}

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = Math.trunc(seed) % 4_294_967_296;
  return () => {
    state = (state + 0x6d2b79f5) % 4_294_967_296;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
