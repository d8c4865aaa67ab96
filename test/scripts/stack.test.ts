import { afterAll, beforeAll, expect, it } from 'vitest';
import { startStack, type Stack } from '../stack/stack.ts';

const STATEMENT = { statement: 'update account set credit_limit = 5000 where id = 1042' };
const BODY = { action: 'postgres.execute', target: 'shop', arguments: STATEMENT };

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => stack.stop());

it('carries a request from the question to the change', async () => {
  const agent = await stack.issuer.agentToken('agent-billing');
  const created = await stack.request<{ id: string; status: string }>(agent, BODY);
  expect(created.body).toMatchObject({ status: 'pending' });
  const refused = await stack.decide(await stack.issuer.humanToken('ada'), created.body.id);
  expect(refused.status).toBe(403);
  const decided = await stack.decide(await stack.issuer.humanToken('olga'), created.body.id);
  expect(decided.status).toBe(200);
  await stack.waitForStatus(created.body.id, 'succeeded');
  const { rows } = await stack.target.query('select credit_limit from account where id = 1042');
  expect(rows).toEqual([{ credit_limit: '5000.00' }]);
});

it('kills and starts programs, and what was pending is still decided', async () => {
  const agent = await stack.issuer.agentToken('agent-billing');
  const created = await stack.request<{ id: string }>(agent, {
    ...BODY,
    arguments: { statement: 'update account set credit_limit = 7000 where id = 1043' },
  });
  await stack.workers[0]?.kill9();
  await stack.apis[0]?.kill9();
  expect(stack.workers[0]?.isRunning()).toBe(false);
  await Promise.all([stack.apis[0]?.start(), stack.workers[0]?.start()]);
  await stack.decide(await stack.issuer.humanToken('olga'), created.body.id);
  await stack.waitForStatus(created.body.id, 'succeeded');
});

it('runs the command line against the stack', async () => {
  const token = await stack.issuer.humanToken('olga');
  const result = await stack.cli(['inbox', '--json'], { KEYTURN_TOKEN: token });
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  expect(JSON.parse(result.stdout)).toHaveProperty('items');
});
