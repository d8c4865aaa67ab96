import { afterAll, beforeAll, expect, it } from 'vitest';

import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

/** As many as one may have requests open, so that each of them can be waited for. */
const SLOTS = 120;

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ KEYTURN_OPEN_REQUESTS: String(SLOTS) });
});
afterAll(async () => {
  await api.stop();
});

it('one caller waits in so many places at once, others in theirs, and what ends gives its place back', async () => {
  const agent = await api.issuer.agentToken('agent-billing');
  const reviewer = await api.issuer.humanToken('dmitri');
  const { id } = await storeRequest(api);
  const waiting = new AbortController();
  const poll = (token: string, wait: number, signal?: AbortSignal): Promise<number> =>
    fetch(`${api.url}/v1/requests/${id}?wait=${wait}`, {
      headers: { authorization: `Bearer ${token}` },
      ...(signal ? { signal } : {}),
    }).then(({ status }) => status);
  // A few more than there are places, for one that looks holds a place for a moment too.
  const polls = Array.from({ length: SLOTS + 10 }, () => poll(agent, 60, waiting.signal).catch(() => 0));
  await expect.poll(() => poll(agent, 1), { timeout: 30_000 }).toBe(429);
  expect(await poll(reviewer, 1)).toBe(200);
  // Looking without waiting, and asking, need no place.
  expect(await poll(agent, 0)).toBe(200);
  expect((await api.create(agent, undefined, { prefer: 'wait=60' })).status).toBe(202);
  waiting.abort();
  await Promise.all(polls);
  await expect.poll(() => poll(agent, 1), { timeout: 30_000 }).toBe(200);
});
