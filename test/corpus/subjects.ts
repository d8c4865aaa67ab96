import { readdirSync } from 'node:fs';
import path from 'node:path';

import type { Connector } from '../../activities/connectors/connector.ts';
import type { Clones } from './clones.ts';
import type { Tried } from './report.ts';
import { readState } from './state.ts';
import { readSubject, type CorpusStatement, type Subject } from './subject.ts';
import { tryStatement } from './trial.ts';

const FOLDER = path.join(import.meta.dirname, 'subjects');

/** All subjects of our own. */
export function ownSubjects(): readonly Subject[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.sql'));
  return files.sort().map((file) => readSubject(path.join(FOLDER, file)));
}

/** Tries statements of a subject, each on the subject's own data as it was set up. */
export async function trySubject(
  { clones, connector }: { readonly clones: Clones; readonly connector: Connector },
  subject: Subject,
  statements: readonly CorpusStatement[],
): Promise<readonly Tried[]> {
  const template = await clones.create(subject.setUp);
  const before = await readState(template.adminUrl);
  const mirror = await clones.copy(template);
  const bench = { clones, connector, template, mirror, spare: [], before, connection: subject.connection };
  const tried: Tried[] = [];
  for (const statement of statements) {
    const verdict = await tryStatement(bench, statement);
    tried.push({ subject: subject.name, text: statement.text, verdict });
  }
  return tried;
}
