import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { InSession } from './sign-in/in-session.ts';
import { storeRequest, type Stored } from './rows.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterEach(() => vi.useRealTimers());

afterAll(async () => api.stop());

interface Call {
  readonly path: string;
  readonly body: object;
  readonly token: () => Promise<string>;
}

const olga = (): Promise<string> => api.issuer.humanToken('olga');
const ada = (): Promise<string> => api.issuer.humanToken('ada');
const agent = (): Promise<string> => api.issuer.agentToken('agent-billing');

/** Whatever is signed with a time by which it is checked. */
const CALLS: Readonly<Record<string, (stored: Stored) => Call>> = {
  'an approval': ({ id, decisionDigest }) => ({
    path: `/v1/requests/${id}/decisions`,
    body: { verdict: 'approve', reason: 'looks right', decision_digest: decisionDigest },
    token: olga,
  }),
  'a denial': ({ id, decisionDigest }) => ({
    path: `/v1/requests/${id}/decisions`,
    body: { verdict: 'deny', reason: 'no', decision_digest: decisionDigest },
    token: olga,
  }),
  'a ticket': ({ id, decisionDigest }) => ({
    path: `/v1/requests/${id}/tickets`,
    body: { verdict: 'approve', reason: 'looks right', decision_digest: decisionDigest },
    token: olga,
  }),
  'a withdrawal': ({ id }) => ({ path: `/v1/requests/${id}/withdraw`, body: {}, token: ada }),
  'a request': () => ({ path: '/v1/requests', body: GOOD_BODY, token: agent }),
};

async function keptFor(id: string): Promise<number> {
  const { rowCount } = await api.db.query('select 1 from keyturn.kept_message where request = $1', [id]);
  return rowCount ?? 0;
}

describe.each([
  ['two hours fast', 7_200_000],
  ['two hours slow', -7_200_000],
])('an API and an issuer whose clocks are %s', (_which, offMs) => {
  it.each(Object.entries(CALLS))(
    'do not sign %s: it is refused, and nothing is sent or kept',
    async (_what, call) => {
      const stored = await storeRequest(api);
      const run = await api.context.temporal.workflow.start('privilegedAction', {
        workflowId: stored.id,
        taskQueue: 'nobody',
        args: [{}],
      });
      // By either clock it can still be decided.
      await api.db.query(
        `update keyturn.request set run_id = $2, expires_at = now() + interval '1 day' where id = $1`,
        [stored.id, run.firstExecutionRunId],
      );
      const { path, body, token } = call(stored);
      const sessions = new InSession(api);
      await sessions.signIn(await olga());
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs });
      const headers = { 'idempotency-key': randomUUID() };
      const reply = await (path.endsWith('/tickets')
        ? sessions.call({ path, body, token: await token(), headers })
        : api.http({ path, body, token: await token(), headers }));
      vi.useRealTimers();
      expect(reply).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(await keptFor(stored.id)).toBe(0);
      const { events } = await run.fetchHistory();
      expect((events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes)).toEqual([]);
    },
  );
});
