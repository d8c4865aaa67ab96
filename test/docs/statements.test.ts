import { expect, it } from 'vitest';

import { filesBelow, foldersIn, read } from './documents.ts';

/** These speak to targets, and start the PostgreSQL that all of it needs. */
const OTHER_DATABASES = ['activities/connectors/postgres/', 'scripts/demo/', 'scripts/servers/'];

const DRIVER = /\.query\s*[<(]|\bcreateQueryBuilder\b|\bgetRepository\b|\bqueryPrepared\b/;

const STATEMENT = /\b(?:from|into|join|select|table|update)\s+(?:audit|keyturn)\.\w|\bpg_\w+\(/;

it('all statements on the database of Keyturn stand in database/', () => {
  const files = foldersIn('.')
    .filter((folder) => folder !== 'test/' && folder !== 'database/')
    .flatMap(filesBelow)
    .filter((file) => /\.(?:ts|tsx|mjs)$/.test(file))
    .filter((file) => !OTHER_DATABASES.some((folder) => file.startsWith(folder)));
  expect(files.length).toBeGreaterThan(500);
  expect(files.filter((file) => DRIVER.test(read(file)) || STATEMENT.test(read(file)))).toEqual([]);
});
