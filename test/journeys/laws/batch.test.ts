import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { DecideManyAnswer } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Reply } from '../../stack/http.ts';
import { decisionsOf, openCast, type Ask, type Cast } from './cast.ts';

let cast: Cast;
beforeAll(async () => {
  cast = await openCast();
});
afterAll(async () => cast?.stack.stop());

function send(token: string, items: readonly object[], key: string): Promise<Reply<DecideManyAnswer>> {
  const headers = { 'idempotency-key': key };
  return cast.stack.http({ path: '/v1/decisions', token, body: { items }, headers });
}

function itemOf({ id, decision_digest }: RequestView, more: object = {}): object {
  return { id, decision_digest, verdict: 'approve', reason: 'looks right', ...more };
}

/** A new row destroys nothing, so its risk is not too high for a decision among others. */
function buy(item: string, more: Ask = {}): Promise<RequestView> {
  const statement = `insert into purchase (account_id, placed_at, item, total, status)
    values (1001, '2026-11-01', '${item}', 1, 'placed')`;
  return cast.ask({ statement, ...more });
}

it('several decisions at once count each for itself, and once, however often they are sent', async () => {
  const [first, second, strict, denied, own] = await Promise.all([
    buy('batch 1'),
    buy('batch 2'),
    buy('batch 3', { target: 'shop-strict' }),
    // Of any risk: it is denied.
    cast.ask(),
    buy('batch 4', { token: await cast.stack.issuer.agentToken('agent-dba') }),
  ]);
  const items = [
    itemOf(first),
    itemOf(own),
    itemOf(strict, { reason: ' ' }),
    itemOf(second),
    itemOf(denied, { verdict: 'deny' }),
  ];
  const key = randomUUID();
  const reply = await send(cast.olga, items, key);
  const outcomes = reply.body.items.map(({ status, problem }) => problem?.code ?? status);
  expect(outcomes).toEqual([200, 'self_approval', 'reason_required', 200, 200]);
  for (const { id } of [first, second]) await cast.stack.waitForStatus(id, 'succeeded');
  await cast.stack.waitForStatus(denied.id, 'denied');
  const again = await send(cast.olga, items, key);
  const decisions = ({ body }: Reply<DecideManyAnswer>) => body.items.map(({ decision }) => decision);
  expect(decisions(again)).toEqual(decisions(reply));
  for (const { id } of [first, second, denied]) expect(await decisionsOf(cast.stack, id)).toHaveLength(1);
  const bought = await cast.stack.target.query(
    `select item from purchase where item like 'batch %' order by item`,
  );
  expect(bought.rows).toEqual([{ item: 'batch 1' }, { item: 'batch 2' }]);
  for (const { id } of [own, strict]) {
    expect(await decisionsOf(cast.stack, id)).toEqual([]);
    expect((await cast.show(cast.petra, id)).status).toBe('pending');
  }
});
