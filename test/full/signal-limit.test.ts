import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../domain/wire.ts';
import { flood, signalRaw } from '../workflows/raw-signals.ts';
import { executionsOf } from '../workflows/facts.ts';
import { openCast, type Cast } from '../journeys/laws/cast.ts';

/** So many signals a server takes for one run, here; ten thousand by default. More than a workflow takes for people's. */
const SIGNALS_MAX = 1_050;

let cast: Cast;

beforeAll(async () => {
  cast = await openCast({
    ownTemporal: { dynamicConfig: { 'history.maximumSignalsPerExecution': SIGNALS_MAX } },
  });
});

afterAll(async () => cast.stack.stop());

const JUNK = { encoding: 'json/plain', data: '"approve"' } as const;

/** A request whose workflow gets no signal any more. */
async function deaf(): Promise<RequestView> {
  const { stack } = cast;
  const request = await cast.ask();
  await flood(stack, request.id, { count: SIGNALS_MAX, payload: () => JUNK });
  const refused = await signalRaw(stack, { id: request.id, payload: JUNK }).then(
    () => 'taken',
    (error: unknown) => {
      const cause = error instanceof ServiceError ? error.cause : error;
      return isGrpcServiceError(cause) ? `${cause.code} ${cause.details}` : String(error);
    },
  );
  expect(refused).toMatch(/^3 .*signal/i);
  return request;
}

describe('a request to which the server gives no further signal', () => {
  it('is approved all the same: the answer says that it does not count yet, and then it is executed, once', async () => {
    const { stack, olga } = cast;
    const { id } = await deaf();
    const reply = await stack.decide(olga, id);
    expect([200, 202]).toContain(reply.status);
    if (reply.status === 202) expect(reply.body).toMatchObject({ state: 'queued, not counted yet' });
    await stack.waitForStatus(id, 'succeeded', 120_000);
    expect(await executionsOf(stack, id)).toMatchObject([{ attempt: 1, state: 'succeeded' }]);
  });

  it('is denied', async () => {
    const { stack, olga } = cast;
    const { id } = await deaf();
    const reply = await stack.decide(olga, id, { verdict: 'deny' });
    expect([200, 202]).toContain(reply.status);
    expect(await stack.waitForStatus(id, 'denied')).toMatchObject({ denied_by: 'person' });
    await stack.temporal.workflow.getHandle(id).result();
  });

  it('is withdrawn', async () => {
    const { stack, ada } = cast;
    const { id } = await deaf();
    const reply = await cast.post(ada, `/v1/requests/${id}/withdraw`, {});
    expect([200, 202]).toContain(reply.status);
    await stack.waitForStatus(id, 'cancelled');
    await stack.temporal.workflow.getHandle(id).result();
  });
});
