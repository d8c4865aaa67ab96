import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestPage, RequestView } from '../../../contract/requests.ts';
import { openCast, raiseLimit, refusal, type Cast } from './cast.ts';

let cast: Cast;
let otherAgent: string;
let pending: RequestView;
let denied: RequestView;
let ofAnother: RequestView;

beforeAll(async () => {
  cast = await openCast();
  otherAgent = await cast.stack.issuer.agentToken('agent-dba');
  pending = await cast.ask({ claims: { justification: 'first' } });
  denied = await cast.ask({ target: 'shop-closed' });
  ofAnother = await cast.ask({ token: otherAgent, target: 'shop-two-people' });
});

afterAll(async () => cast?.stack.stop());

function withoutInstance(body: object): object {
  return { ...body, instance: '', request_id: '' };
}

async function page(token: string, query: string): Promise<RequestPage> {
  const reply = await cast.get<RequestPage>(token, `/v1/requests?${query}`);
  if (reply.status !== 200) throw new Error(`The list was answered ${JSON.stringify(reply.body)}`);
  return reply.body;
}

async function ids(token: string, query = ''): Promise<string[]> {
  return (await page(token, query)).items.map((item) => item.id);
}

describe('what an agent may not know', () => {
  it.each(['', '/timeline', '/evidence', '?wait=1'])('is not there for it: GET …%s', async (rest) => {
    const hidden = await cast.get(otherAgent, `/v1/requests/${pending.id}${rest}`);
    const missing = await cast.get(otherAgent, `/v1/requests/req_aaaaaaaaaaaaaaaaaaaaaaaaaa${rest}`);
    expect(refusal(hidden)).toEqual([404, 'not_found']);
    expect(withoutInstance(hidden.body)).toEqual(withoutInstance(missing.body));
  });

  it('is not in its list, not in its stream, and cannot be withdrawn', async () => {
    expect(await ids(otherAgent)).toEqual([ofAnother.id]);
    const stream = await cast.get(otherAgent, `/v1/events?request=${pending.id}`);
    expect(refusal(stream)).toEqual([404, 'not_found']);
    const withdrawn = await cast.post(otherAgent, `/v1/requests/${pending.id}/withdraw`, {});
    expect(refusal(withdrawn)).toEqual([404, 'not_found']);
  });

  it('is not there for a person whom the directory does not know, nor for a token that a program holds', async () => {
    const stranger = await cast.stack.issuer.humanToken('stranger');
    const borrowed = await cast.stack.issuer.humanToken('dmitri', { client_id: 'some-script' });
    for (const token of [stranger, borrowed]) {
      expect(refusal(await cast.get(token, `/v1/requests/${pending.id}`))).toEqual([404, 'not_found']);
      expect(await ids(token)).toEqual([]);
    }
  });
});

describe('a list', () => {
  it('shows people of the directory everything, an agent its own, newest first', async () => {
    expect(await ids(cast.dmitri)).toEqual([ofAnother.id, denied.id, pending.id]);
    expect(await ids(cast.agent)).toEqual([denied.id, pending.id]);
  });

  it.each([
    ['status=pending', () => [ofAnother.id, pending.id]],
    ['status=denied', () => [denied.id]],
    ['status=succeeded', () => []],
    ['target=shop', () => [pending.id]],
    ['environment=two-people', () => [ofAnother.id]],
    ['action=postgres.execute', () => [ofAnother.id, denied.id, pending.id]],
    ['action=another', () => []],
    ['status=pending&environment=prod', () => [pending.id]],
  ])('filters by %s', async (query, expected) => {
    expect(await ids(cast.dmitri, query)).toEqual(expected());
  });

  it('filters by risk, and by being behind it', async () => {
    const { risk } = await cast.show(cast.dmitri, pending.id);
    expect(await ids(cast.dmitri, `risk=${risk}`)).toContain(pending.id);
    // Not by what those behind it may not see.
    expect(await ids(cast.agent, `risk=${risk}`)).not.toContain(pending.id);
    expect(await ids(cast.dmitri, 'mine=true')).toEqual([]);
    expect(await ids(cast.olga, 'mine=true')).toEqual([ofAnother.id]);
    expect(await ids(cast.ada, 'mine=true')).toEqual([denied.id, pending.id]);
  });

  it('holds no plan, and no summary for those behind it', async () => {
    const [mine] = (await page(cast.agent, 'target=shop')).items;
    expect([mine?.summary, mine?.risk_reasons, Object.hasOwn(mine ?? {}, 'plan')]).toEqual([
      null,
      null,
      false,
    ]);
    const [theirs] = (await page(cast.dmitri, 'target=shop')).items;
    expect(theirs?.summary).toContain('account');
    expect(JSON.stringify(theirs)).not.toContain('first');
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=1e1',
    'status=unknown',
    'cursor=bm90IG9uZQ',
    'cursor=%00',
    'unknown=1',
    'mine=yes',
    'status=pending&status=denied',
  ])('refuses %s', async (query) => {
    expect(refusal(await cast.get(cast.olga, `/v1/requests?${query}`))).toEqual([400, 'invalid_request']);
  });

  it('is paged without gaps or repeats while new requests arrive', async () => {
    const known = await Promise.all(
      Array.from({ length: 9 }, () => cast.ask({ target: 'shop-closed', statement: raiseLimit() })),
    );
    const before = await ids(cast.dmitri, 'limit=100');
    expect(before).toHaveLength(known.length + 3);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const next: RequestPage = await page(
        cast.dmitri,
        `limit=2${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...next.items.map((item) => item.id));
      cursor = next.next_cursor;
      await cast.ask({ target: 'shop-closed', statement: raiseLimit() });
    } while (cursor !== null);
    expect(seen).toEqual(before);
  });
});

describe('asking again', () => {
  it('does not look like the first time, however it is written', async () => {
    const statement = raiseLimit();
    const first = await cast.ask({ statement });
    await cast.post(cast.agent, `/v1/requests/${first.id}/withdraw`, {});
    await cast.stack.waitForStatus(first.id, 'cancelled');
    const again = await cast.ask({ statement: `${statement.replaceAll(' ', '  ')} -- please` });
    expect((await cast.show(cast.olga, again.id)).earlier_refusals).toMatchObject({
      count: 1,
      withdrawn: 1,
      latest: [{ id: first.id, status: 'cancelled' }],
    });
  });
});
