import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import type { Ticket } from '../../../contract/decisions.ts';
import type { Timeline } from '../../../contract/history.ts';
import type { Decision } from '../../stack/stack.ts';
import { decisionsOf, openCast, refusal, stepsOf, waitForStep, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

async function ticketOf(token: string, request: RequestView, decision: Decision = {}): Promise<Ticket> {
  const { status, body } = await cast.ticket(token, request, decision);
  expect(status).toBe(201);
  return body;
}

/** What a person does in the Temporal UI or with Temporal's own command line: a signal, past the API. */
async function signal(request: RequestView, body: unknown): Promise<void> {
  await cast.stack.temporal.workflow.getHandle(request.id).signal('decide', body);
}

describe('a ticket', () => {
  it('is issued to those who may decide, and to nobody else', async () => {
    const request = await cast.ask();
    const refusals = await Promise.all(
      [cast.agent, cast.ada, cast.omar, cast.petra].map(async (token) =>
        refusal(await cast.ticket(token, request)),
      ),
    );
    expect(refusals).toEqual([
      [403, 'machine_cannot_decide'],
      [403, 'self_approval'],
      [403, 'not_eligible'],
      [403, 'not_eligible'],
    ]);
    const stale = await cast.ticket(cast.olga, request, { decision_digest: `sha256:${'0'.repeat(64)}` });
    expect(refusal(stale)).toEqual([409, 'decision_digest_stale']);
    expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
  });

  it('lasts ten minutes at most, never longer than the request, and says how to use it', async () => {
    const request = await cast.ask();
    const ticket = await ticketOf(cast.olga, request);
    const leftMs = Date.parse(ticket.expires_at) - Date.now();
    expect(leftMs).toBeGreaterThan(9 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(10 * 60_000);
    expect(ticket.how_to_use).toContain(request.id);
    expect(ticket.how_to_use).toContain(cast.stack.temporalService.namespace);
    const short = await cast.ask({ target: 'shop-expiring' });
    expect((await ticketOf(cast.olga, short)).expires_at).toBe(short.expires_at);
  });

  it.each([
    ['a string', (ticket: string): unknown => ticket],
    ['a string with a line break around it', (ticket: string): unknown => `\n${ticket}\n`],
    [
      'the whole answer of the API',
      (ticket: string): unknown => ({ ticket, expires_at: 'x', how_to_use: 'y' }),
    ],
  ])('counts when it is sent as %s', async (_form, bodyOfSignal) => {
    const request = await cast.ask();
    const { ticket } = await ticketOf(cast.olga, request, { reason: 'by ticket' });
    await signal(request, bodyOfSignal(ticket));
    await cast.stack.waitForStatus(request.id, 'succeeded');
    const seen = await cast.show(cast.dmitri, request.id);
    expect(seen.decisions).toMatchObject([
      { person: 'olga', verdict: 'approve', channel: 'temporal', grade: 'C', reason: 'by ticket' },
    ]);
  });

  it('can say no, and can defer', async () => {
    const request = await cast.ask();
    const later = await ticketOf(cast.dmitri, request, {
      verdict: 'defer',
      defer: { until: '2090-01-01T00:00:00Z' },
    });
    await signal(request, later.ticket);
    await waitForStep(cast.stack, request.id, 'decision.deferred');
    expect(await cast.inbox(cast.dmitri)).not.toContain(request.id);
    await signal(request, (await ticketOf(cast.olga, request, { verdict: 'deny' })).ticket);
    await cast.stack.waitForStatus(request.id, 'denied');
  });

  it('used twice counts once: it does not stand in for the second person', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const { ticket } = await ticketOf(cast.olga, request);
    await Promise.all([signal(request, ticket), signal(request, ticket), signal(request, { ticket })]);
    await waitForStep(cast.stack, request.id, 'decision.counted');
    await signal(request, ticket);
    // Whatever arrived before the second person's decision has been dealt with once that is recorded.
    expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    const counted = (await decisionsOf(cast.stack, request.id)).filter(
      ({ outcome }) => outcome === 'counted',
    );
    expect(counted).toHaveLength(2);
    expect(
      (await stepsOf(cast.stack, request.id)).filter((type) => type === 'decision.counted'),
    ).toHaveLength(2);
  });

  it('to deny takes back the approval of the same person', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const [yes, no] = [
      await ticketOf(cast.olga, request),
      await ticketOf(cast.olga, request, { verdict: 'deny' }),
    ];
    await signal(request, yes.ticket);
    await waitForStep(cast.stack, request.id, 'decision.counted');
    await signal(request, no.ticket);
    await cast.stack.waitForStatus(request.id, 'denied');
    expect((await decisionsOf(cast.stack, request.id)).map(({ outcome }) => outcome)).toEqual([
      'counted',
      'counted',
    ]);
  });

  it('for another request, or edited, never counts and is on record', async () => {
    const [request, other] = [await cast.ask(), await cast.ask()];
    const { ticket } = await ticketOf(cast.olga, other);
    const [header, payload = '', signature] = ticket.split('.');
    const words = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as object;
    const edited = Buffer.from(JSON.stringify({ ...words, request: request.id })).toString('base64url');
    await signal(request, ticket);
    await signal(request, `${header}.${edited}.${signature}`);
    await waitForStep(cast.stack, request.id, 'decision.unauthenticated');
    // A real decision after them: everything before it has been dealt with.
    expect((await cast.stack.decide(cast.dmitri, request.id, { verdict: 'deny' })).status).toBe(200);
    expect((await decisionsOf(cast.stack, request.id)).map(({ verdict }) => verdict)).toEqual(['deny']);
    expect((await cast.show(cast.dmitri, other.id)).status).toBe('pending');
    const { body } = await cast.get<Timeline>(cast.dmitri, `/v1/requests/${request.id}/timeline`);
    const ignored = body.items.filter(({ type }) => type === 'decision.unauthenticated');
    expect(ignored.reduce((sum, { facts }) => sum + Number(facts['count']), 0)).toBe(2);
  });

  it('is no token: it opens nothing at the API, as a signed request is no ticket', async () => {
    const request = await cast.ask();
    const { ticket } = await ticketOf(cast.olga, request);
    expect(refusal(await cast.get(ticket, `/v1/requests/${request.id}`))).toEqual([401, 'unauthenticated']);
    const { rows } = await cast.stack.keyturnDb.query('select envelope from keyturn.request where id = $1', [
      request.id,
    ]);
    await signal(request, rows[0].envelope);
    await waitForStep(cast.stack, request.id, 'decision.unauthenticated');
    expect((await cast.show(cast.olga, request.id)).status).toBe('pending');
  });
});

describe('a ticket of somebody who has left the group since', () => {
  let policies: string;

  beforeAll(() => {
    policies = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-tickets-'));
    fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), policies, { recursive: true });
    const file = path.join(policies, 'directory.yaml');
    const directory = parse(fs.readFileSync(file, 'utf8')) as { groups: { id: string; members: string[] }[] };
    for (const group of directory.groups) group.members = group.members.filter((member) => member !== 'olga');
    directory.groups = directory.groups.filter((group) => group.members.length > 0);
    fs.writeFileSync(file, stringify(directory));
  });

  afterAll(() => fs.rmSync(policies, { recursive: true, force: true }));

  it('is refused when it is used, and the request waits for somebody else', async () => {
    const request = await cast.ask();
    const { ticket } = await ticketOf(cast.olga, request);
    const installed = await cast.stack.cli(['policy', 'install', policies], {
      KEYTURN_POLICY_RECOVERY: 'true',
    });
    expect(installed.code, installed.stderr).toBe(0);
    await signal(request, ticket);
    await waitForStep(cast.stack, request.id, 'decision.refused');
    expect(await decisionsOf(cast.stack, request.id)).toEqual([
      { outcome: 'refused', refusal: 'not_eligible', verdict: 'approve', channel: 'temporal' },
    ]);
    expect(refusal(await cast.ticket(cast.olga, request))).toEqual([403, 'not_eligible']);
    expect((await cast.stack.decide(cast.dmitri, request.id)).status).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });
});
