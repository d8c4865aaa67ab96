import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { WorkflowEvents } from '../../contract/workflow-events.ts';
import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

const HOSTILE = '<img src=x onerror=alert(1)>\u202e';
const SECRET = 'value-in-a-payload';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** A workflow that nobody works on, with a signal whose name and contents somebody else chose. */
async function storeRunning(): Promise<string> {
  const { id } = await storeRequest(api);
  const { workflow } = api.context.temporal;
  const handle = await workflow.start(HOSTILE, { workflowId: id, taskQueue: `nobody-${id}`, args: [SECRET] });
  await handle.signal(HOSTILE, SECRET);
  const runId = handle.firstExecutionRunId;
  await api.db.query('update keyturn.request set run_id = $2 where id = $1', [id, runId]);
  return id;
}

async function eventsAs(token: string, id: string, of = api) {
  return of.http<WorkflowEvents>({ path: `/v1/requests/${id}/workflow-events`, token });
}

describe('the events of Temporal', () => {
  it('say names and times of a workflow, and nothing of its contents', async () => {
    const id = await storeRunning();
    const { status, body } = await eventsAs(await api.issuer.humanToken('olga'), id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'RUNNING', activities: [], is_cut: false });
    expect(body.items.map(({ id: n, type, name }) => [n, type, name])).toEqual([
      [1, 'WorkflowExecutionStarted', HOSTILE],
      [2, 'WorkflowTaskScheduled', null],
      [3, 'WorkflowExecutionSignaled', HOSTILE],
    ]);
    for (const { at } of body.items) expect(Date.now() - Date.parse(at ?? '')).toBeLessThan(60_000);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('are for those who see the whole request, and for nobody behind it', async () => {
    const id = await storeRunning();
    for (const name of ['omar', 'olga'])
      expect((await eventsAs(await api.issuer.humanToken(name), id)).status, name).toBe(200);
    const behind = await eventsAs(await api.issuer.agentToken('agent-billing'), id);
    expect(behind).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('are none where Temporal does not keep the workflow', async () => {
    const { id } = await storeRequest(api);
    const { status, body } = await eventsAs(await api.issuer.humanToken('olga'), id);
    expect(status).toBe(200);
    expect(body).toEqual({ status: null, items: [], activities: [], is_cut: false });
  });

  it('stop at a thousand, and say so', async () => {
    const id = await storeRunning();
    const handle = api.context.temporal.workflow.getHandle(id);
    for (let sent = 0; sent < 1_050; sent += 50)
      await Promise.all(Array.from({ length: 50 }, () => handle.signal('flood')));
    const { body } = await eventsAs(await api.issuer.humanToken('olga'), id);
    expect([body.items.length, body.is_cut]).toEqual([1_000, true]);
  });

  it('are a clear problem while Temporal is away, and not one of the page', async () => {
    const down = await startApi({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    try {
      const { id } = await storeRequest(down);
      const token = await down.issuer.humanToken('olga');
      const reply = await eventsAs(token, id, down);
      expect(reply).toMatchObject({
        status: 503,
        body: {
          code: 'unavailable',
          detail: 'Temporal does not answer, so its events cannot be shown. Try again.',
        },
      });
      expect((await down.http({ path: `/v1/requests/${id}/timeline`, token })).status).toBe(200);
    } finally {
      await down.stop();
    }
  });
});
