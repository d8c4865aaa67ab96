import { afterAll, beforeAll, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../activities/connectors/postgres/postgres-connector.ts';
import { startClones, type Clones } from '../../corpus/clones.ts';
import { countsOf, reportOf, wrongOf, type Tried } from '../../corpus/report.ts';
import { ownSubjects, trySubject } from '../../corpus/subjects.ts';

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

it.each(ownSubjects())(
  '$name: what is planned, run directly, executed and undone agree for each statement',
  async (subject) => {
    const tried = await trySubject({ clones, connector }, subject, subject.statements);
    all.push(...tried);
    process.stdout.write(`${reportOf(tried)}\n`);
    expect(wrongOf(tried)).toEqual([]);
  },
);
