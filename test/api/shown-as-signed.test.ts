import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { lastLeafOf, nextLeaf, type LeafType } from '../../domain/audit/leaf.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { CardAnswer } from '../../contract/cards.ts';
import type { RequestPage, RequestView } from '../../contract/requests.ts';
import { startApi, type TestApi } from './api.ts';
import { ONE_DBA, SECRET_OF_PLAN, storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** A pending request with the entry that opened its round, as the worker leaves it. */
async function pending(): Promise<string> {
  const { id } = await storeRequest(api);
  const { rows } = await api.db.query<{ run_id: string; plan_digest: string; rule: string }>(
    `select run_id, plan_digest, body -> 'rules' -> 0 ->> 'id' as rule
     from keyturn.request join keyturn.policy_set on policy_set.digest = creation_policy_digest where id = $1`,
    [id],
  );
  const { run_id: run = '', plan_digest: plan = '', rule = '' } = rows[0] ?? {};
  const opened = new Date();
  const facts: Record<string, JsonValue> = {
    round: 1,
    plan_digest: plan,
    requirement: JSON.parse(JSON.stringify(ONE_DBA)) as JsonValue,
    pending_since: opened.toISOString(),
    expires_at: new Date(opened.getTime() + 7_200_000).toISOString(),
    matched_rules: [rule],
    risk_reasons: [`changes ${SECRET_OF_PLAN}`],
  };
  const summary = `updates 1 row of accounts (${SECRET_OF_PLAN})`;
  const planned = await write(null, {
    id,
    run,
    type: 'request.planned',
    facts: { plan_digest: plan },
    summary,
  });
  await write(planned, { id, run, type: 'request.pending', facts });
  return id;
}

interface Written {
  readonly id: string;
  readonly run: string;
  readonly type: LeafType;
  readonly facts: Record<string, JsonValue>;
  readonly summary?: string;
}

/** Stores an entry with the part that it commits to. Answers its text. */
async function write(last: string | null, { id, run, type, facts, summary }: Written): Promise<string> {
  const draft = {
    type,
    at: new Date().toISOString(),
    actor: { pseudonym: 'sys_worker', kind: 'system' as const, via: 'worker' },
    intent_digest: null,
    decision_digest: null,
    policy_digest: type === 'request.pending' ? api.policyDigest : null,
    facts,
    evidence: null,
    parts: summary === undefined ? {} : { summary },
  };
  const position = { request: id, run, namespace: 'n', nonce: '00', salts: { summary: 'ab' } };
  const next = nextLeaf(draft, { ...position, id: (n) => `${id}/${n}`, last: lastLeafOf(last) });
  await api.db.query('insert into audit.entry (leaf) values ($1)', [next.text]);
  if (summary !== undefined)
    await api.db.query('insert into audit.payload (event_id, part, salt, body) values ($1, $2, $3, $4)', [
      next.id,
      'summary',
      'ab',
      JSON.stringify(summary),
    ]);
  return next.text;
}

async function shown(id: string): Promise<RequestView> {
  const token = await api.issuer.humanToken('dmitri');
  return (await api.http<RequestView>({ path: `/v1/requests/${id}`, token })).body;
}

async function card(id: string): Promise<CardAnswer> {
  const token = await api.issuer.humanToken('dmitri');
  return (await api.http<CardAnswer>({ path: `/v1/requests/${id}/card`, token })).body;
}

async function listed(id: string): Promise<RequestPage['items'][number] | undefined> {
  const token = await api.issuer.humanToken('dmitri');
  const { body } = await api.http<RequestPage>({ path: '/v1/inbox', token });
  return body.items.find((item) => item.id === id);
}

const OTHERWISE = {
  risk_reasons: '["harmless"]',
  matched_rules: '[{"id":"other","source":"x","because":"nobody minds"}]',
  requester_subject: 'ada',
  environment: 'sandbox',
  action: 'other.action',
  target: 'elsewhere',
  requirement: JSON.stringify({ ...ONE_DBA, distinct_people: 2 }),
  is_break_glass: 'true',
  expires_at: '2099-01-01T00:00:00Z',
  risk: 'critical',
  summary: 'Reads only: nothing changes',
} as const;

describe('one who changes the row of a request changes nothing that reviewers read', () => {
  it.each(Object.entries(OTHERWISE))('of its %s', async (column, value) => {
    const id = await pending();
    const before = [await shown(id), await listed(id), await card(id)];
    expect(before).toMatchObject([{ id }, { id }, { card: { request: { id } } }]);
    await api.db.query(`update keyturn.request set ${column} = $2 where id = $1`, [id, value]);
    expect([await shown(id), await listed(id), await card(id)]).toEqual(before);
  });

  it('of what its rules say', async () => {
    const id = await pending();
    const before = await shown(id);
    expect(before.matched_rules).toMatchObject([{ effect: 'review' }]);
    await api.db.query(
      `update keyturn.request set matched_rules = jsonb_build_array(jsonb_build_object(
         'id', $2::text, 'source', 'x', 'because', 'nobody minds', 'effect', 'allow')) where id = $1`,
      [id, before.matched_rules?.[0]?.id],
    );
    expect((await shown(id)).matched_rules).toEqual(before.matched_rules);
  });

  it('of what they do, also where no entry says which acted', async () => {
    const { id } = await storeRequest(api);
    await api.db.query(
      `update keyturn.request set matched_rules = '[{"id":"a","source":"x","because":null,"effect":"allow"}]' where id = $1`,
      [id],
    );
    expect((await shown(id)).matched_rules).toEqual([{ id: 'a', because: null }]);
  });

  it('by the signed words of another request', async () => {
    const [id, other] = [await pending(), await pending()];
    await api.db.query(
      `update keyturn.request set envelope = (select envelope from keyturn.request where id = $2) where id = $1`,
      [id, other],
    );
    expect(await shown(id)).toMatchObject({ code: 'envelope_invalid' });
    expect(await listed(id)).toBeUndefined();
    expect(await listed(other)).toMatchObject({ id: other });
  });
});
