import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { endedBreakGlassRequests } from '../../database/break-glass.ts';
import { REQUEST_STATUSES } from '../../domain/request/status.ts';
import { startApi, type TestApi } from './api.ts';
import { storeRequest, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function breakGlass(wanted: StoredRequest): Promise<string> {
  return (await storeRequest(api, { isBreakGlass: true, ...wanted })).id;
}

async function found(limit = 1_000): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | null = null; ;) {
    const page = await endedBreakGlassRequests(api.context.source.manager, { after, days: 7, limit });
    ids.push(...page.map(({ id }) => id));
    after = page.at(-1)?.id ?? null;
    if (page.length < limit) return ids;
  }
}

async function claim(request: string): Promise<void> {
  await api.db.query(
    `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at)
     values ($1, 1, $2, 'd', 'failed', now())`,
    [request, randomUUID()],
  );
}

describe('break-glass requests that are to be reviewed', () => {
  it('are those that did something or may have, and no others', async () => {
    const reviewed: string[] = [];
    for (const status of REQUEST_STATUSES) {
      const id = await breakGlass({ status });
      if (['succeeded', 'indeterminate', 'active', 'revoked'].includes(status)) reviewed.push(id);
    }
    const claimed = await breakGlass({ status: 'failed' });
    await claim(claimed);
    await breakGlass({ status: 'succeeded', createdAt: new Date(Date.now() - 8 * 86_400_000) });
    await storeRequest(api, { status: 'succeeded' });
    expect((await found()).toSorted()).toEqual([...reviewed, claimed].toSorted());
  });

  it('are found once each when there are more than a page of them, also those of one instant', async () => {
    const createdAt = new Date(Date.now() - 60_000);
    for (let index = 0; index < 5; index += 1) await breakGlass({ status: 'succeeded', createdAt });
    const all = await found();
    expect(new Set(all).size).toBe(all.length);
    expect(await found(2)).toEqual(all);
  });
});
