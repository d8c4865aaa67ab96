import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startServer, type AnsweringServer, type Received, type Reply } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn } from './terminal.ts';

const VIEW = requestView();

let folder: string;
let server: AnsweringServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-cli-'));
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function api(answer: (call: Received) => Reply): Promise<string> {
  server = await startServer(answer);
  return server.url;
}

function posted(): unknown[] {
  return (server?.received ?? [])
    .filter((call) => call.method === 'POST')
    .map((call) => JSON.parse(call.body));
}

describe('request', () => {
  it('sends arguments from JSON, text and files, and the words of the agent apart', async () => {
    const file = join(folder, 'change.sql');
    await writeFile(file, 'update t set a = 1');
    const url = await api(() => ({ status: 201, body: VIEW }));
    const args = [
      '--arguments',
      '{"limit":5}',
      '-a',
      `sql=@${file}`,
      '--justification',
      'please',
      '--link',
      'https://t.example/1',
    ];
    const result = await keyturn([
      'request',
      'postgres.execute',
      'shop',
      '--api',
      url,
      ...args,
      '--on-behalf-of',
      'olga',
    ]);
    expect([result.code, result.error]).toEqual([0, `To follow it: keyturn watch ${VIEW.id}\n`]);
    expect(posted()).toEqual([
      {
        action: 'postgres.execute',
        target: 'shop',
        arguments: { limit: 5, sql: 'update t set a = 1' },
        on_behalf_of: { subject: 'olga' },
        claims: { justification: 'please', links: ['https://t.example/1'] },
      },
    ]);
  });

  it('says how to give what is no text', async () => {
    const errors = [{ path: '/arguments/rows', message: 'must be integer' }];
    const body = {
      type: 't',
      title: 't',
      status: 422,
      code: 'arguments_invalid',
      detail: 'They do not fit.',
      errors,
    };
    const url = await api(() => ({ status: 422, body }));
    const result = await keyturn(['request', 'a', 't', '--api', url, '-a', 'rows=100']);
    expect([result.code, result.error]).toEqual([
      1,
      [
        'keyturn: They do not fit.',
        '  /arguments/rows: must be integer',
        `-a gives text only. Other values: --arguments '{"rows": …}'`,
        '(arguments_invalid)',
        '',
      ].join('\n'),
    ]);
  });

  it('requests break-glass, and a time to start', async () => {
    const url = await api(() => ({ status: 201, body: VIEW }));
    const base = ['request', 'a', 't', '--api', url];
    const not_before = '2026-12-01T22:00:00+01:00';
    const not_after = '2026-12-02T05:00:00+01:00';
    await keyturn([...base, '--break-glass']);
    await keyturn([...base, '--not-before', not_before, '--not-after', not_after]);
    await keyturn([...base, '--not-after', not_after]);
    const request = { action: 'a', target: 't', arguments: {} };
    expect(posted()).toEqual([
      { ...request, break_glass: true },
      { ...request, start: { not_before, not_after } },
      { ...request, start: { not_after } },
    ]);
  });

  it.each([
    '[1]',
    '{',
    '{"n":12345678901234567890}',
    '{"__proto__":1}',
    '{"n":4503599627370497.5}',
    '{"n":1e-400}',
    '{"n":1,"n":2}',
  ])('sends nothing for the arguments %s', async (json) => {
    const url = await api(() => ({ status: 201, body: VIEW }));
    const result = await keyturn(['request', 'a', 't', '--api', url, '--arguments', json]);
    expect(result.code).not.toBe(0);
    expect(server?.received).toEqual([]);
  });

  it('waits until it is finished, and exits with 1 when it was denied', async () => {
    const denied = requestView({ status: 'denied', denied_by: 'person' });
    const url = await api((call) => ({
      status: call.method === 'POST' ? 201 : 200,
      body: call.method === 'POST' ? VIEW : denied,
    }));
    const result = await keyturn(['request', 'a', 't', '--api', url, '--until', 'finished', '--json']);
    expect([result.code, JSON.parse(result.out).status]).toEqual([1, 'denied']);
  });

  it('says when a request is kept but not planned yet', async () => {
    const url = await api(() => ({ status: 202, body: { id: 'req_1', status: 'planning' } }));
    expect(JSON.parse((await keyturn(['request', 'a', 't', '--api', url, '--json'])).out)).toEqual({
      id: 'req_1',
      status: 'planning',
    });
  });
});
