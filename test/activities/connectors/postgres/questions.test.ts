import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  answersTo,
  catalogueRows,
  forgetQuestions,
  question,
} from '../../../../activities/connectors/postgres/questions.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
let client: Client;

beforeAll(async () => {
  bank = await startTargetDatabase();
  client = new Client({ connectionString: bank.loginUrl });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await bank.stop();
});

it('give every value to the server as it is', async () => {
  const texts = ['', 'null', "it's", '"', '\\', '\\"', '{a,b}', 'a b', '$1', "'; select 1; --", 'ü\n'];
  for (const conforming of ['on', 'off']) {
    await client.query(`set standard_conforming_strings = ${conforming}`);
    const [asList, asOne] = await answersTo(client, [
      question<{ texts: string[] }>('select $1::text[] as texts', [texts]),
      question<{ text: string }>('select $1::text as text', [texts.join('')]),
    ]);
    expect([asList, asOne]).toEqual([[{ texts }], [{ text: texts.join('') }]]);
  }
});

it('are answered in their order, between the statements around them', async () => {
  const role = question<{ role: string }>('select current_user::text as role');
  const asStatement = { ...role, after: [`set role ${bank.statementRole}`] };
  const [login] = await answersTo(client, [role]);
  const answers = await answersTo(
    client,
    [asStatement, { ...role, after: ['reset role'] }, role],
    ['select 1'],
  );
  expect(answers).toEqual([[{ role: bank.statementRole }], login, login]);
});

it('are prepared anew once a session has forgotten them, and once their round trip has failed', async () => {
  const one = 'select 1 as one';
  expect(await catalogueRows(client, one)).toEqual([{ one: 1 }]);
  await client.query('deallocate all');
  forgetQuestions(client);
  expect(await catalogueRows(client, one)).toEqual([{ one: 1 }]);
  const two = question('select 2 as two');
  await expect(answersTo(client, [two], ['select 1 / 0'])).rejects.toThrow('division by zero');
  await expect(answersTo(client, [{ ...two, after: ['select 1 / 0'] }])).rejects.toThrow('division by zero');
  expect(await answersTo(client, [two])).toEqual([[{ two: 2 }]]);
});
