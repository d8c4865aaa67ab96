import { randomUUID } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { leafHash, type Leaf } from '../../domain/audit/leaf.ts';
import type { Timeline } from '../../contract/history.ts';
import type { QuestionView } from '../../contract/questions.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { storeRequest, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

const QUESTION = 'Which ticket is this for?';
const ANSWERED = 'For ticket 4711';

type Answer = QuestionView & { readonly code: string };

const person = (name: string): Promise<string> => api.issuer.humanToken(name);
const agent = (name = 'agent-billing'): Promise<string> => api.issuer.agentToken(name);

async function stored(wanted: StoredRequest = {}): Promise<string> {
  return (await storeRequest(api, wanted)).id;
}

async function ask(
  id: string,
  token: Promise<string>,
  { question = QUESTION, key = randomUUID() } = {},
): Promise<Reply<Answer>> {
  const path = `/v1/requests/${id}/questions`;
  const headers = { 'idempotency-key': key };
  return api.http<Answer>({ path, token: await token, headers, body: { question } });
}

async function answer(
  id: string,
  { question, token, text = ANSWERED }: { question: string; token: Promise<string>; text?: string },
): Promise<Reply<Answer>> {
  const path = `/v1/requests/${id}/questions/${question}/answer`;
  return api.http<Answer>({ path, token: await token, body: { answer: text } });
}

async function asked(id: string, name = 'olga'): Promise<string> {
  const { status, body } = await ask(id, person(name));
  expect(status).toBe(201);
  return body.id;
}

async function view(id: string, token: Promise<string>): Promise<RequestView> {
  return (await api.http<RequestView>({ path: `/v1/requests/${id}`, token: await token })).body;
}

async function leafTexts(id: string): Promise<readonly string[]> {
  const text = 'select leaf from audit.entry where request = $1 order by n';
  return (await api.db.query<{ leaf: string }>(text, [id])).rows.map(({ leaf }) => leaf);
}

async function moveTo(id: string, status: string, heldUntil: Date | null = null): Promise<void> {
  const text = 'update keyturn.request set status = $2, held_until = $3 where id = $1';
  await api.db.query(text, [id, status, heldUntil]);
}

describe('a question', () => {
  it('is answered by the agent, and both stand in the log of the request and in what its readers see', async () => {
    const id = await stored();
    const question = await asked(id);
    const open = (await view(id, agent())).questions;
    expect(open).toEqual([
      {
        id: question,
        text: QUESTION,
        round: 1,
        at: expect.any(String),
        by: { kind: 'person' },
        answer: null,
      },
    ]);
    const reply = await answer(id, { question, token: agent() });
    expect(reply).toMatchObject({ status: 200, body: { id: question, answer: { text: ANSWERED } } });
    expect((await view(id, person('olga'))).questions).toEqual([
      expect.objectContaining({
        by: { kind: 'person', name: expect.any(String), id: 'olga' },
        answer: expect.objectContaining({
          by: expect.objectContaining({ kind: 'agent', name: expect.any(String) }),
        }),
      }),
    ]);
    const leaves = (await leafTexts(id)).map((text) => JSON.parse(text) as Leaf);
    expect(leaves.map(({ type, actor }) => [type, actor.kind])).toEqual([
      ['question.asked', 'person'],
      ['question.answered', 'agent'],
    ]);
  });

  it('stands in clear nowhere in the database, and its words are no part of the timeline', async () => {
    const id = await stored();
    const question = await asked(id);
    await answer(id, { question, token: agent() });
    const { rows } = await api.db.query<{ part: string; body: string }>(
      'select part, body from audit.payload where starts_with(event_id, $1) order by part desc',
      [id],
    );
    expect(rows.map(({ part }) => part)).toEqual(['question', 'answer']);
    const kept = [...rows.map(({ body }) => body), ...(await leafTexts(id))].join('\n');
    expect(kept).not.toMatch(/ticket/i);
    const { body } = await api.http<Timeline>({
      path: `/v1/requests/${id}/timeline`,
      token: await person('olga'),
    });
    expect(body.items.map(({ text, parts }) => [text, parts])).toEqual([
      ['Asked the requester a question.', {}],
      ['Answered a question.', {}],
    ]);
  });

  it('wakes those who wait for a change of the request, and moves nothing else of it', async () => {
    const id = await stored();
    const before = await view(id, agent());
    const waiting = api.http<RequestView>({
      path: `/v1/requests/${id}?wait=30&version=${before.version}`,
      token: await agent(),
    });
    await asked(id);
    const { questions, version, ...after } = (await waiting).body;
    expect(questions).toHaveLength(1);
    expect(version).toBe(before.version + 1);
    expect(after).toEqual({ ...before, version: undefined });
  });

  it('is one question however often its call is made, and its key is for no other words', async () => {
    const id = await stored();
    const key = randomUUID();
    const calls = await Promise.all([ask(id, person('olga'), { key }), ask(id, person('olga'), { key })]);
    expect(calls.map(({ status }) => status)).toEqual([201, 201]);
    await moveTo(id, 'denied');
    const late = await ask(id, person('olga'), { key });
    expect(new Set([...calls, late].map(({ body }) => body.id)).size).toBe(1);
    expect(await leafTexts(id)).toHaveLength(1);
    expect(await ask(id, person('olga'), { key, question: 'Another?' })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  it('is shown neither to people who are not asked nor with names to a program', async () => {
    const id = await stored();
    await asked(id);
    expect((await view(id, person('reviewer-01'))).questions).toBeUndefined();
    expect(JSON.stringify((await view(id, agent())).questions)).not.toContain('olga');
    // Nor who reviews it to people behind it, before it is approved.
    expect((await view(id, person('ada'))).questions).toEqual([
      expect.objectContaining({ text: QUESTION, by: { kind: 'person' } }),
    ]);
  });

  it('whose text was erased or changed is shown without it', async () => {
    const id = await stored();
    await asked(id);
    await api.db.query(`update audit.payload set body = '"e.a.s.e.d"' where starts_with(event_id, $1)`, [id]);
    expect((await view(id, person('olga'))).questions).toEqual([expect.objectContaining({ text: null })]);
    await api.db.query('delete from audit.payload where starts_with(event_id, $1)', [id]);
    expect((await view(id, person('olga'))).questions).toEqual([expect.objectContaining({ text: null })]);
  });
});

describe('asking', () => {
  it.each([
    ['an agent', () => agent('agent-dba'), 404, 'not_found'],
    ['the agent that requested it', () => agent(), 403, 'machine_cannot_decide'],
    ['its owner', () => person('ada'), 403, 'forbidden'],
    ['somebody who may not see it whole', () => person('reviewer-01'), 403, 'forbidden'],
    ['somebody whom the directory does not know', () => person('stranger'), 404, 'not_found'],
  ])('is not for %s', async (_who, token, ...[status, code]) => {
    const id = await stored();
    expect(await ask(id, token())).toMatchObject({ status, body: { code } });
    expect(await leafTexts(id)).toEqual([]);
  });

  it.each([
    ['pending', null, 201],
    ['approved', new Date(Date.now() + 3_600_000), 201],
    ['approved', null, 409],
    ['planning', null, 409],
    ['executing', null, 409],
    ['denied', null, 409],
  ])('of a request that is %s, held until %s: %i', async (status, heldUntil, wanted) => {
    const id = await stored();
    await moveTo(id, status, heldUntil);
    expect((await ask(id, person('olga'))).status).toBe(wanted);
  });

  it('ends after five questions of a person, and twenty of all', async () => {
    const id = await stored();
    for (let n = 0; n < 5; n += 1) await asked(id);
    expect(await ask(id, person('olga'))).toMatchObject({
      status: 409,
      body: { code: 'too_many_questions' },
    });
    await asked(id, 'dmitri');
  });

  it.each(['', '  \n', 'x'.repeat(2_001)])('says something, and not too much', async (question) => {
    const id = await stored();
    expect(await ask(id, person('olga'), { question })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
  });

  it('at the same moment by several people makes one chain of entries', async () => {
    const id = await stored();
    await Promise.all(['olga', 'dmitri', 'olga', 'dmitri'].map((name) => ask(id, person(name))));
    const texts = await leafTexts(id);
    expect(texts).toHaveLength(4);
    texts.forEach((text, n) => {
      const before = texts[n - 1];
      expect(JSON.parse(text)).toMatchObject({ n, prev: before === undefined ? null : leafHash(before) });
    });
  });
});

describe('answering', () => {
  it('is for everybody behind the request, until it starts', async () => {
    const id = await stored();
    const question = await asked(id);
    expect(await answer(id, { question, token: person('olga') })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    await moveTo(id, 'executing');
    expect(await answer(id, { question, token: person('ada') })).toMatchObject({
      status: 409,
      body: { code: 'request_executing' },
    });
    await moveTo(id, 'planning');
    expect((await answer(id, { question, token: person('ada') })).body.answer?.by).toMatchObject({
      id: 'ada',
    });
  });

  it('with the account of a person is the answer of a program, unless she signed in herself', async () => {
    const answeredAs = async (token: Promise<string>): Promise<[string | undefined, unknown]> => {
      const id = await stored();
      const question = await asked(id);
      expect((await answer(id, { question, token })).status).toBe(200);
      const [, leaf = '{}'] = await leafTexts(id);
      const shown = (await view(id, person('olga'))).questions?.[0]?.answer?.by.kind;
      // A program reads no name of hers.
      expect(JSON.stringify((await view(id, agent())).questions)).not.toContain('ada');
      return [shown, (JSON.parse(leaf) as Leaf).actor.kind];
    };
    const held = api.issuer.humanToken('ada', { client_id: 'agent-billing', scope: 'openid' });
    expect(await answeredAs(held)).toEqual(['agent', 'agent']);
    expect(await answeredAs(api.issuer.humanToken('ada', { client_id: 'some-job' }))).toEqual([
      'agent',
      'agent',
    ]);
    expect(await answeredAs(api.issuer.cliToken('ada'))).toEqual(['person', 'person']);
    expect(await answeredAs(person('ada'))).toEqual(['person', 'person']);
  });

  it('counts once: the same words again change nothing, others are refused', async () => {
    const id = await stored();
    const question = await asked(id);
    const replies = await Promise.all([1, 2].map(() => answer(id, { question, token: agent() })));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(await leafTexts(id)).toHaveLength(2);
    expect(await answer(id, { question, token: person('ada'), text: 'For another' })).toMatchObject({
      status: 409,
      body: { code: 'already_answered' },
    });
  });

  it('is of a question about this very request', async () => {
    const other = await asked(await stored());
    expect(await answer(await stored(), { question: other, token: agent() })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });
});

describe('the role of the API', () => {
  it('can append no other entry than a question that may be asked', async () => {
    const id = await stored();
    await asked(id);
    const [text = ''] = await leafTexts(id);
    const leaf = JSON.parse(text) as Leaf;
    const next = { ...leaf, n: 1, prev: leafHash(text), id: leaf.id.replace(/0$/, '1') };
    const facts = { ...leaf.facts, question: `qst_${'a'.repeat(26)}` };
    const role = new Client({ connectionString: api.databases.keyturn.api });
    await role.connect();
    const record = (change: object): Promise<unknown> =>
      role.query('select keyturn.record_question($1, $2, $3)', [
        JSON.stringify({ ...next, facts, ...change }),
        JSON.stringify({ body: '"x"', salt: 'a'.repeat(32) }),
        '{}',
      ]);
    try {
      for (const change of [
        { type: 'decision.counted' },
        { id: `${id}/other` },
        { at: new Date(Date.now() + 60_000).toISOString() },
        { at: '2020-01-01T00:00:00.000Z' },
        { facts: leaf.facts },
        { facts: { ...facts, verdict: 'approve' } },
        { facts: { ...facts, person: null } },
        { actor: { ...leaf.actor, kind: 'agent' } },
        { evidence: { grade: 'C', refs: [] } },
        { type: 'question.answered' },
        { type: 'question.answered', commit: { answer: leaf.commit['question'] } },
        { commit: { envelope: leaf.commit['question'] } },
        { decision_digest: null },
      ])
        await expect(record(change), JSON.stringify(change)).rejects.toThrow(/entry|question/);
      await record({});
    } finally {
      await role.end();
    }
  });
});
