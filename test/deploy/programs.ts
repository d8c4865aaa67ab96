import { readApiConfiguration, readWorkerConfiguration } from '../../configuration/programs.ts';
import { readMigration } from '../../configuration/migration.ts';
import { read } from '../docs/documents.ts';

/** What a program of the image takes from its environment, checked as the program does. */
export const readEnvironmentOf: Readonly<Record<string, (environment: NodeJS.ProcessEnv) => unknown>> = {
  'dist/apps/api/main.js': readApiConfiguration,
  'dist/apps/worker/main.js': readWorkerConfiguration,
  'dist/database/migrate.js': readMigration,
};

/** The variables that the operating manual explains: those that programs read (test/docs/truth.test.ts holds them together). */
export function knownVariables(): ReadonlySet<string> {
  const manual = read('docs/operating.md');
  const section = manual.slice(manual.indexOf('## 3.'), manual.indexOf('## 4.'));
  return new Set([...(section.match(/\b(KEYTURN|TEMPORAL)_[A-Z_]+\b/g) ?? []), 'NODE_ENV']);
}
