import { randomUUID } from 'node:crypto';

import { pause } from '../../../scripts/servers/process.ts';
import {
  create,
  freshAccount,
  limitOf,
  type Submitted,
  type Journey,
  type RequestBody,
} from '../../journeys/durability/journey.ts';
import { call, type Reply } from '../../stack/http.ts';

export const REQUESTS = 100;

/** How many requests are under way at once. */
const AT_ONCE = 25;

/** Between two kills: long enough for something to be under way again, shorter than a recovery takes. */
const PAUSE_MS_MAX = 6_000;

type Submission = Omit<Submitted, 'id'>;

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
    const { apis, workers, temporalService } = this.#journey.stack;
    const programs = [...apis, ...workers, ...workers, temporalService.server];
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

  /** Makes and approves all requests, some at once, until each is over. */
  async requests(): Promise<readonly Submitted[]> {
    const waiting: Submission[] = [];
    for (let count = 0; count < REQUESTS; count += 1) waiting.push(await this.#submit());
    const made: Submitted[] = [];
    const next = async (): Promise<void> => {
      for (let submission = waiting.pop(); submission !== undefined; submission = waiting.pop()) {
        made.push(await this.#carryThrough(submission));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return made;
  }

  async #submit(): Promise<Submission> {
    const account = freshAccount();
    return { account, key: randomUUID(), limit: await limitOf(this.#journey.stack, account) };
  }

  /** An answer that was lost may have been an approval that counts: then the repetition is refused as one. */
  async #carryThrough(submission: Submission): Promise<Submitted> {
    const { stack, olga } = this.#journey;
    const { status, body } = await this.#untilAnswered((api) =>
      create(this.#journey, submission, { wait: 5, api }),
    );
    if (status >= 300) throw new Error(`A request was answered ${status}: ${JSON.stringify(body)}`);
    const request = { ...submission, id: body.id };
    const { decision_digest } = await this.#untilNot(request, ['planning']);
    const path = `/v1/requests/${request.id}/decisions`;
    const decision = { decision_digest, verdict: 'approve' };
    await this.#untilAnswered((api) =>
      call(stack.apis[api]?.url ?? '', { path, token: olga, body: decision }),
    );
    await this.#untilNot(request, ['planning', 'pending', 'approved', 'executing']);
    return request;
  }

  async #untilNot({ id }: Submitted, statuses: readonly string[]): Promise<RequestBody> {
    const { stack, olga } = this.#journey;
    for (;;) {
      const path = `/v1/requests/${id}`;
      const show = (api: number): Promise<Reply<RequestBody>> =>
        call(stack.apis[api]?.url ?? '', { path, token: olga });
      const { body } = await this.#untilAnswered(show);
      if (!statuses.includes(body.status)) return body;
      await pause(200);
    }
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
