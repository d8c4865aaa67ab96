import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { parseEvents } from '../../../sdk/events.ts';
import { call } from '../../stack/http.ts';
import { waitFor } from '../../stack/wait.ts';
import { bodyOf, openCast, type Cast } from '../laws/cast.ts';
import { startBalancer, type Balancer } from './balancer.ts';

let cast: Cast;
let balancer: Balancer;
beforeAll(async () => {
  cast = await openCast({
    apis: 2,
    env: { KEYTURN_API_UNREADY_SECONDS: '2', KEYTURN_API_DRAIN_SECONDS: '20' },
  });
  balancer = await startBalancer(cast.stack.apis.map(({ url }) => url));
});
afterAll(async () => {
  await balancer?.stop();
  await cast?.stack.stop();
});

/** What callers do all the time, none of it sent twice. Answers what went wrong, and how many calls there were. */
class Load {
  readonly wrong: string[] = [];
  calls = 0;
  #isOver = false;

  async run(work: () => Promise<{ readonly status: number }>): Promise<void> {
    while (!this.#isOver) {
      try {
        const { status } = await work();
        this.calls += 1;
        if (status >= 400) this.wrong.push(`status ${status}`);
      } catch (error) {
        this.wrong.push(String((error as Error).cause ?? error));
      }
    }
  }

  end(): void {
    this.#isOver = true;
  }
}

it('replacing one API after the other under load cuts no call', async () => {
  const load = new Load();
  const held = await cast.ask({ target: 'shop-two-people' });
  const at = (path: string, token: string) => () => call(balancer.url, { path, token });
  const create = () =>
    call(balancer.url, {
      path: '/v1/requests',
      token: cast.agent,
      body: bodyOf({ target: 'shop-sandbox' }),
      headers: { 'idempotency-key': randomUUID(), prefer: 'wait=10' },
    });
  const running = [
    load.run(create),
    load.run(create),
    load.run(at('/v1/requests', cast.olga)),
    load.run(at('/v1/inbox', cast.olga)),
    load.run(at(`/v1/requests/${held.id}?wait=10`, cast.olga)),
    load.run(at(`/v1/requests/${held.id}/timeline`, cast.olga)),
  ];
  for (const api of cast.stack.apis) {
    const before = load.calls;
    await waitFor({
      what: 'some load',
      check: () => Promise.resolve(load.calls > before + 50 ? true : undefined),
    });
    expect(await api.stop()).toBe('exit code 0');
    await api.start();
  }
  load.end();
  await Promise.all(running);
  expect(load.wrong).toEqual([]);
  expect(load.calls).toBeGreaterThan(100);
});

it('a stopping API first says that it is not ready, then ends streams and gives who waits the answer of now', async () => {
  const [api] = cast.stack.apis;
  if (!api) throw new Error('no API');
  const held = await cast.ask({ target: 'shop-two-people' });
  const stream = await fetch(`${api.url}/v1/events`, { headers: { authorization: `Bearer ${cast.olga}` } });
  const events: string[] = [];
  const reading = (async () => {
    for await (const { type } of parseEvents(stream.body ?? new ReadableStream())) events.push(type);
  })();
  await expect.poll(() => events).toEqual(['open']);
  const waiting = call(api.url, { path: `/v1/requests/${held.id}?wait=60`, token: cast.olga });
  const stopping = api.stop();
  const ready = await waitFor({
    what: 'readiness to say no',
    check: async () => {
      const reply = await call<{ status: string }>(api.url, { path: '/readyz' });
      return reply.status === 503 ? reply : undefined;
    },
  });
  expect(ready.body.status).toBe('draining');
  expect(ready.headers.get('connection')).toBe('close');
  // Calls are still taken, for those who have not noticed yet.
  expect((await call(api.url, { path: `/v1/requests/${held.id}`, token: cast.olga })).status).toBe(200);
  expect(await waiting).toMatchObject({ status: 200, body: { id: held.id, status: 'pending' } });
  await reading;
  expect(await stopping).toBe('exit code 0');
});
