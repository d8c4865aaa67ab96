import { afterEach, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

let server: AnsweringServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const VIEW = requestView();
type Decision = NonNullable<RequestView['decisions']>[number];

/** A request as it is each time that somebody looks, the last one from then on, to a person called Olga. */
async function serverOf(...views: readonly RequestView[]): Promise<string> {
  let looked = 0;
  server = await startServer(({ path }) => {
    if (path === '/v1/me') return { status: 200, body: { id: 'olga', kind: 'person' } };
    if (path.endsWith('/card')) return { status: 404, body: { code: 'not_found', detail: 'None.' } };
    const view = views[Math.min(looked, views.length - 1)];
    looked += 1;
    return { status: 200, body: { ...view, version: looked } };
  });
  return server.url;
}

function decidedBy(person: string, change: Partial<RequestView> = {}): RequestView {
  const decision = { id: `dec_${person}`, person, verdict: 'approve', outcome: 'counted' } as Decision;
  return requestView({ decisions: [decision], ...change });
}

describe.each(['approve', 'deny', 'defer', 'take-back'])('keyturn %s', (command) => {
  it('shows what will happen, leads to the console and waits for the person, and sends nothing', async () => {
    const url = await serverOf(VIEW, VIEW, decidedBy('dmitri'), decidedBy('olga', { status: 'approved' }));
    const { code, out, error } = await keyturn([command, VIEW.id, '--api', url, '--no-open']);
    expect(code).toBe(0);
    expect(out.indexOf('What will happen')).toBeLessThan(out.indexOf("the requester's own words"));
    expect(out).toContain('Your decision (approve) is recorded. The request is now approved.');
    expect(error).toContain(`In the console: ${url}/requests/${VIEW.id}\n`);
    expect(server?.received.map(({ method }) => method)).not.toContain('POST');
  });
});

describe('waiting for a decision in the console', () => {
  it('says who is still missing', async () => {
    const url = await serverOf(VIEW, decidedBy('olga'));
    const { out } = await keyturn(['approve', VIEW.id, '--api', url, '--no-open']);
    expect(out).toContain('The request is now pending and still needs 1 of group:dba.');
  });

  it('ends with the time, with Ctrl-C, and when others end the request, each with its exit code', async () => {
    const timed = await keyturn(['approve', VIEW.id, '--api', await serverOf(VIEW), '--timeout', '0s']);
    expect([timed.code, timed.error]).toEqual([6, expect.stringContaining('still pending')]);
    await server?.stop();
    const signal = AbortSignal.abort();
    const stopped = await keyturn(['approve', VIEW.id, '--api', await serverOf(VIEW)], { signal });
    expect([stopped.code, stopped.error]).toEqual([1, expect.stringContaining('You decided nothing.')]);
    await server?.stop();
    const url = await serverOf(VIEW, decidedBy('dmitri', { status: 'denied' }));
    const denied = await keyturn(['approve', VIEW.id, '--api', url]);
    expect([denied.code, denied.out]).toEqual([1, expect.stringContaining('The request is now denied')]);
  });

  it('is a line of JSON with the address, and one with the decision', async () => {
    const url = await serverOf(VIEW, decidedBy('olga', { status: 'approved' }));
    const { out } = await keyturn(['approve', VIEW.id, '--api', url, '--json']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { decision_digest: VIEW.decision_digest, address: `${url}/requests/${VIEW.id}` },
      {
        decision: expect.objectContaining({ person: 'olga' }),
        request: expect.objectContaining({ status: 'approved' }),
      },
    ]);
  });

  it('is of no use where nothing is pending', async () => {
    const url = await serverOf(requestView({ decision_digest: null, status: 'planning' }));
    const { code, error } = await keyturn(['approve', VIEW.id, '--api', url]);
    expect([code, error]).toEqual([1, expect.stringContaining('There is nothing to decide')]);
  });
});
