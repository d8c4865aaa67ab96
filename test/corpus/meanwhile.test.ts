import { afterAll, beforeAll, expect, it } from 'vitest';

import { createPostgresConnector } from '../../activities/connectors/postgres/postgres-connector.ts';
import { startClones, type Clones } from './clones.ts';
import { countsOf, wrongOf, type Tried } from './report.ts';
import { tryAllMeanwhile } from './subjects.ts';

const connector = createPostgresConnector();
const all: Tried[] = [];
let clones: Clones;

beforeAll(async () => {
  clones = await startClones();
});

afterAll(async () => {
  process.stdout.write(`${countsOf(all)}\n`);
  await clones.stop();
});

it.each(['values', 'made-up', 'catalogue', 'settings', 'views'] as const)(
  'nothing but the approved effect is committed, whatever changes meanwhile: %s',
  async (name) => {
    const tried = await tryAllMeanwhile({ clones, connector }, name);
    all.push(...tried);
    expect(wrongOf(tried)).toEqual([]);
  },
);
