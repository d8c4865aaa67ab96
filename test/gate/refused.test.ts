import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requestId } from '../../domain/identity/ids.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { TestApi } from '../api/api.ts';
import { storeRequest } from '../api/rows.ts';
import type { Reply } from '../stack/http.ts';
import { waitFor } from '../stack/wait.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let agent: string;
beforeAll(async () => {
  ({ api } = await startGateApi());
  agent = await api.issuer.agentToken('agent-billing');
});
afterAll(async () => {
  await api.stop();
});

function ask(body: unknown, key: string = randomUUID()): Promise<Reply<RequestView>> {
  return api.create<RequestView>(agent, body, { 'idempotency-key': key });
}

describe('what is refused before policy is asked', () => {
  it('whatever does not fit the schema of the action', async () => {
    for (const args of [{}, { version: 1 }, { version: '1', size: 'x' }, { version: '1', more: true }])
      expect(await ask(release('free', { arguments: args }))).toMatchObject({
        status: 422,
        body: { code: 'arguments_invalid' },
      });
  });

  it('a break-glass request that no rule knows', async () => {
    expect(await ask(release('free', { break_glass: true }))).toMatchObject({
      status: 422,
      body: { code: 'break_glass_unavailable' },
    });
  });

  it('a key of a request in another mode', async () => {
    const key = randomUUID();
    const id = requestId(
      api.context.keys.identity,
      { issuer: api.issuer.url, subject: 'agent-billing' },
      key,
    );
    const { id: stored } = await storeRequest(api);
    await api.db.query(
      `insert into keyturn.request select (jsonb_populate_record(known, jsonb_build_object('id', $1::text))).*
       from keyturn.request known where id = $2`,
      [id, stored],
    );
    expect(await ask(release('free'), key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  it('everything under a kill switch, also the repeat of an earlier answer, which is there again after it', async () => {
    const key = randomUUID();
    const before = await ask(release('free'), key);
    const reply = await api.http<{ id: string }>({
      path: '/v1/switches',
      token: await api.issuer.humanToken('olga'),
      body: { scope: { kind: 'action', value: 'deploy.release' }, reason: 'broken' },
    });
    expect(reply.status).toBe(201);
    for (const again of [key, randomUUID()])
      expect(await ask(release('free'), again)).toMatchObject({
        status: 403,
        body: { code: 'switched_off' },
      });
    await api.db.query('update keyturn.kill_switch set lifted_at = now() where id = $1', [reply.body.id]);
    expect(await ask(release('free'), key)).toMatchObject({ status: 200, body: { id: before.body.id } });
  });

  // The first is counted by a window, the other is not: they are recorded in different ways.
  it.each(['deploy.release', 'deploy.announce'])(
    'also an answer that is on its way when a kill switch is engaged: %s',
    async (action) => {
      await api.db.query('begin');
      await api.db.query('select 1 from keyturn.kill_switch_state for update');
      const request = ask(release('free', { action }));
      await waitFor({
        what: 'the answer at the lock',
        check: async () => {
          const waiting: unknown[] = await api.context.source.query(
            `select 1 from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user
               and datname = current_database()`,
          );
          return waiting[0];
        },
      });
      await api.db.query(
        `insert into keyturn.kill_switch (id, scope_kind, reason, thrown_by, thrown_at)
         values ($1, 'all', 'late', 'olga', now())`,
        [action],
      );
      await api.db.query('commit');
      expect(await request).toMatchObject({ status: 403, body: { code: 'switched_off' } });
      await api.db.query('update keyturn.kill_switch set lifted_at = now() where id = $1', [action]);
    },
  );
});
