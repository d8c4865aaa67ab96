import { afterEach, describe, expect, it } from 'vitest';

import type { QuestionView } from '../../contract/questions.ts';
import { startServer, type AnsweringServer, type Received, type Reply } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

let server: AnsweringServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const QUESTION: QuestionView = {
  id: `qst_${'a'.repeat(26)}`,
  text: 'Which ticket\nis this for?',
  round: 1,
  at: '2026-12-01T03:00:00.000Z',
  by: { kind: 'person', name: 'Olga', id: 'olga' },
  answer: null,
};
const ANSWERED: QuestionView = {
  ...QUESTION,
  id: `qst_${'b'.repeat(26)}`,
  answer: { text: 'For 4711\u202e', at: '2026-12-01T03:01:00.000Z', by: { kind: 'agent', name: 'billing' } },
};

/** A server with a request about which this was asked. */
async function serverWith(questions: readonly QuestionView[], refusal?: Reply): Promise<string[]> {
  const answer = ({ method, path }: Received): Reply => {
    if (method === 'POST') return refusal ?? { status: 200, body: ANSWERED };
    return {
      status: 200,
      body: path.includes('/timeline') ? { items: [] } : requestView({ questions: [...questions] }),
    };
  };
  server = await startServer(answer);
  return ['--api', server.url, '--token', 'x'];
}

function posted(): readonly [path: string, body: unknown][] {
  return (server?.received ?? [])
    .filter(({ method }) => method === 'POST')
    .map(({ path, body }) => [path, JSON.parse(body)]);
}

const { id: ID } = requestView();

describe('keyturn answer', () => {
  it('answers the only question that is open', async () => {
    const options = await serverWith([ANSWERED, QUESTION]);
    const { code } = await keyturn(['answer', ID, 'For 4711', ...options]);
    expect([code, posted()]).toEqual([
      0,
      [[`/v1/requests/${ID}/questions/${QUESTION.id}/answer`, { answer: 'For 4711' }]],
    ]);
  });

  it('asks which one where several are open, and sends nothing', async () => {
    const other = { ...QUESTION, id: `qst_${'c'.repeat(26)}` };
    const options = await serverWith([QUESTION, other]);
    const { code, error } = await keyturn(['answer', ID, 'x', ...options]);
    expect([code, posted()]).toEqual([1, []]);
    expect(error).toContain('--question');
    for (const { id } of [QUESTION, other]) expect(error).toContain(id);
    const named = await keyturn(['answer', ID, 'x', '--question', other.id, ...options]);
    expect([named.code, posted().length]).toEqual([0, 1]);
  });

  it('says so where nothing is open, and why it is refused', async () => {
    const refusal = { status: 409, body: { code: 'already_answered', detail: 'The first answer stands.' } };
    const options = await serverWith([ANSWERED], refusal);
    expect((await keyturn(['answer', ID, 'x', ...options])).error).toContain('waits for an answer');
    const again = await keyturn(['answer', ID, 'x', '--question', ANSWERED.id, ...options]);
    expect([again.code, again.error]).toEqual([1, expect.stringContaining('The first answer stands.')]);
  });
});

describe('keyturn show', () => {
  it('has questions and answers as somebody’s words, line by line and with nothing hidden', async () => {
    const options = await serverWith([QUESTION, ANSWERED]);
    const { out } = await keyturn(['show', ID, ...options]);
    expect(out).toContain('nobody has verified it');
    expect(out).toContain('  | Which ticket\n  | is this for?');
    expect(out).toMatch(/ {2}> For 4711.+/);
    expect(out).not.toContain('\u202e');
    expect(out.match(/not answered/g)).toHaveLength(1);
  });
});
