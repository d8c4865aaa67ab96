import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { startApi, type TestApi } from './api.ts';
import { storeDecision, storeRequest, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

interface Attempt extends StoredRequest {
  /** What its plan shares with others. */
  readonly alike?: readonly string[];
  readonly decision?: Parameters<typeof storeDecision>[2];
  /** Who alone is behind it, by the issuer of agents. */
  readonly onlyBy?: string;
}

async function ask(
  minutesAgo: number,
  { alike = [], decision, onlyBy, ...wanted }: Attempt,
): Promise<string> {
  const createdAt = new Date(Date.now() - minutesAgo * 60_000);
  const { id } = await storeRequest(api, { createdAt, ...wanted });
  await api.db.query('update keyturn.plan set alike = $2 where request = $1', [id, alike]);
  if (decision) await storeDecision(api, id, decision);
  const lineage = JSON.stringify([{ role: 'requester', issuer: api.issuer.url, subject: onlyBy }]);
  if (onlyBy) await api.db.query('update keyturn.request set lineage = $2 where id = $1', [id, lineage]);
  return id;
}

async function seenBy(token: string, id: string): Promise<RequestView['earlier_refusals']> {
  const reply = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
  expect(reply.status).toBe(200);
  return reply.body.earlier_refusals;
}

const olga = (): Promise<string> => api.issuer.humanToken('olga');

describe('reviewers see that the same was asked before and nobody agreed', () => {
  const OTHER_WORDS = { statement: 'select  2 -- please' };
  const WITHDRAWN = { ...OTHER_WORDS, status: 'cancelled' } as const;

  it.each<[string, number, Attempt]>([
    ['in the same words, and was denied', 1, { status: 'denied' }],
    ['in the same words, and expired', 1, { status: 'expired' }],
    ['in other words of the same form', 1, { ...OTHER_WORDS, alike: ['form'], status: 'denied' }],
    ['with the same effect', 1, { ...OTHER_WORDS, alike: ['elsewhere', 'effect'], status: 'expired' }],
    ['and was withdrawn before anybody decided', 1, { ...WITHDRAWN, alike: ['form'] }],
    [
      'and was withdrawn after it was put off',
      1,
      { ...WITHDRAWN, alike: ['form'], decision: { person: 'olga', verdict: 'defer' } },
    ],
    ['by another agent of the same owner', 1, { status: 'denied', onlyBy: 'agent-assistant' }],
    ['but not something else', 0, { ...OTHER_WORDS, alike: ['another'], status: 'denied' }],
    ['but not what shares nothing', 0, { ...OTHER_WORDS, status: 'denied' }],
    ['but not by others', 0, { status: 'denied', onlyBy: 'agent-dba' }],
    ['but not what was executed', 0, { status: 'succeeded' }],
    ['but not what still waits', 0, { status: 'pending' }],
    [
      'but not what was withdrawn after somebody agreed',
      0,
      { ...WITHDRAWN, alike: ['form'], decision: { person: 'olga', verdict: 'approve' } },
    ],
    [
      'but not what was closed because its workflow was lost',
      0,
      { status: 'cancelled', failure: { code: 'workflow_lost', detail: 'gone' } },
    ],
  ])('%s: %i', async (_what, count, earlier) => {
    const statement = `select '${randomUUID()}'`;
    const own = (alike: readonly string[]): string[] => alike.map((one) => `${statement} ${one}`);
    const before = await ask(20, {
      statement,
      ...earlier,
      alike: own(earlier.alike ?? []),
      ...(earlier.statement ? { statement: `${statement} ${earlier.statement}` } : {}),
    });
    const again = await ask(10, { statement, alike: own(['form', 'effect']) });
    await ask(5, { statement, status: 'denied' });
    const seen = await seenBy(await olga(), again);
    expect(seen === undefined).toBe(count === 0);
    const withdrawn = earlier.status === 'cancelled' ? 1 : 0;
    const latest = [{ id: before, status: earlier.status }];
    if (seen) expect(seen).toMatchObject({ count, withdrawn, latest });
  });

  it('the newest first, and only reviewers do', async () => {
    const statement = `select '${randomUUID()}'`;
    const denied = await ask(50, { statement, status: 'denied' });
    const withdrawn = await ask(40, { statement, status: 'cancelled' });
    const again = await ask(10, { statement });
    expect(await seenBy(await olga(), again)).toMatchObject({
      count: 2,
      withdrawn: 1,
      latest: [{ id: withdrawn }, { id: denied }],
    });
    expect(await seenBy(await api.issuer.agentToken('agent-billing'), again)).toBeUndefined();
    expect(await seenBy(await olga(), denied)).toBeUndefined();
  });
});
