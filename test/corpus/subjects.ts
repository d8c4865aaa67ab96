import { readdirSync } from 'node:fs';
import path from 'node:path';

import type { Connector } from '../../activities/connectors/connector.ts';
import type { Clones } from './clones.ts';
import type { Tried } from './report.ts';
import { readState } from './state.ts';
import { meanwhileCases, meanwhileSetUp, tryMeanwhile } from './meanwhile.ts';
import { readSubject, readTarget, type CorpusStatement, type Subject } from './subject.ts';
import { tryStatement, type Bench } from './trial.ts';

const FOLDER = path.join(import.meta.dirname, 'subjects');

/** All subjects of our own. */
export function ownSubjects(): readonly Subject[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.sql'));
  return files.sort().map((file) => readSubject(path.join(FOLDER, file)));
}

/** Tries statements of a subject, each on the subject's own data as it was set up. */
export async function trySubject(
  tools: Tools,
  subject: Subject,
  statements: readonly CorpusStatement[],
): Promise<readonly Tried[]> {
  const bench = await benchOf(tools, subject);
  const tried: Tried[] = [];
  for (const statement of statements) {
    const verdict = await tryStatement(bench, statement);
    tried.push({ subject: subject.name, text: statement.text, verdict });
  }
  return tried;
}

/** Tries cases in which something changes between approval and execution. */
export async function tryAllMeanwhile(
  tools: Tools,
  name: 'values' | 'made-up' | 'catalogue' | 'settings' | 'views',
): Promise<readonly Tried[]> {
  const bench = await benchOf(tools, readTarget(meanwhileSetUp()));
  const tried: Tried[] = [];
  for (const one of meanwhileCases(name)) {
    const verdict = await tryMeanwhile(bench, one);
    tried.push({ subject: `meanwhile ${name}`, text: `${one.name}: ${one.statement}`, verdict });
  }
  return tried;
}

interface Tools {
  readonly clones: Clones;
  readonly connector: Connector;
}

async function benchOf(
  { clones, connector }: Tools,
  { setUp, connection }: Pick<Subject, 'setUp' | 'connection'>,
): Promise<Bench> {
  const template = await clones.create(setUp);
  const before = await readState(template.adminUrl);
  const mirror = await clones.copy(template);
  return { clones, connector, template, mirror, spare: [], before, connection };
}
