import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { beginRehearsal, endRehearsal, rehearsalWait } from '../../database/rehearsals.ts';
import { budgetRoot, type Budgets } from '../../domain/budgets.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let worker: DataSource;
let api: DataSource;
let owner: DataSource;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`rehearsals_${takeNumber()}`);
  const open = (url: string) => createDataSource({ url, applicationName: 'test' }).initialize();
  [worker, api, owner] = [await open(keyturn.worker), await open(keyturn.api), await open(keyturn.admin)];
});
afterAll(async () => {
  await Promise.all([worker, api, owner].map((source) => source.destroy()));
});

const BUDGETS: Budgets = { rehearsalsAtOnce: 2, secondsAnHour: 100, refusedAnHour: 2, openRequests: 5 };

function rootOf(subject: string) {
  return budgetRoot({ people: [], agents: [], groups: [] }, { issuer: 'https://issuer.test', subject });
}

function begin(request: string, who: string, target: string): Promise<number> {
  return beginRehearsal(worker.manager, { request, root: rootOf(who), target }, BUDGETS);
}

it('lets only so many run at once, however many ask at the same moment, and a place that is given back is free', async () => {
  const waits = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((request) => begin(`once-${request}`, 'ann', 'one')),
  );
  expect(waits.filter((seconds) => seconds === 0)).toHaveLength(2);
  expect(await begin('once-other', 'ben', 'one')).toBe(0);
  for (const request of 'abcdefgh') await endRehearsal(worker.manager, `once-${request}`, false);
  expect(await begin('once-again', 'ann', 'one')).toBe(0);
});

it('frees the place of a worker that died, when its lease is over or the request is planned again', async () => {
  expect(await begin('dead-1', 'cai', 'two')).toBe(0);
  expect(await begin('dead-1', 'cai', 'two')).toBe(0);
  expect(await begin('dead-2', 'cai', 'two')).toBe(0);
  expect(await begin('dead-3', 'cai', 'two')).toBe(1);
  await owner.query(
    "update keyturn.rehearsal set lease_until = clock_timestamp() - interval '1 s' where request = 'dead-2'",
  );
  expect(await begin('dead-3', 'cai', 'two')).toBe(0);
});

it('makes whoever had too many refused wait for the hour to pass, and nobody else', async () => {
  for (const request of ['no-1', 'no-2']) {
    expect(await begin(request, 'dee', 'three')).toBe(0);
    await endRehearsal(worker.manager, request, true);
  }
  expect(await begin('no-3', 'dee', 'three')).toBeGreaterThan(3_000);
  const wait = (who: string) => rehearsalWait(api.manager, { root: rootOf(who), target: 'three' }, BUDGETS);
  expect(await wait('dee')).toBeGreaterThan(3_000);
  expect(await wait('eli')).toBe(0);
  await owner.query(
    "update keyturn.rehearsal set started_at = started_at - interval '61 min', ended_at = ended_at - interval '61 min'",
  );
  expect(await wait('dee')).toBe(0);
});

it('counts the seconds of the hour', async () => {
  expect(await begin('long', 'fay', 'four')).toBe(0);
  await endRehearsal(worker.manager, 'long', false);
  await owner.query(
    "update keyturn.rehearsal set started_at = started_at - interval '101 s' where request = 'long'",
  );
  expect(await begin('longer', 'fay', 'four')).toBeGreaterThan(3_000);
});
