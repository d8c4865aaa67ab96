import { afterAll, beforeAll, expect, it } from 'vitest';

import { createPostgresConnector } from '../../activities/connectors/postgres/postgres-connector.ts';
import { startClones, type Clones } from './clones.ts';
import { countsOf, wrongOf, type Tried } from './report.ts';
import { ownSubjects, trySubject } from './subjects.ts';

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

it.each(ownSubjects().filter(({ statements }) => statements.some(({ isSampled }) => isSampled)))(
  '$name: what is planned, run directly, executed and undone agree for each sampled statement',
  async (subject) => {
    const sampled = subject.statements.filter(({ isSampled }) => isSampled);
    const tried = await trySubject({ clones, connector }, subject, sampled);
    all.push(...tried);
    expect(wrongOf(tried)).toEqual([]);
  },
);
