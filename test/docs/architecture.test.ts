import { expect, it } from 'vitest';

import { exists, foldersIn, read } from './documents.ts';

const text = read('ARCHITECTURE.md');
const table = text.slice(text.indexOf('## Folders'), text.indexOf('Direction of imports'));
const named = [...table.matchAll(/^\| `([^`]+\/)` \|/gm)].map((match) => String(match[1]));

it('names every top-level folder', () => {
  expect(named.filter((folder) => /^[^/]+\/$/.test(folder)).sort()).toEqual(foldersIn('.').sort());
});

it.each(['activities', 'activities/connectors', 'apps', 'database', 'domain', 'workflows'])(
  'names every folder in %s',
  (parent) => {
    const inside = named.filter(
      (folder) =>
        folder.startsWith(`${parent}/`) && folder.split('/').length === parent.split('/').length + 2,
    );
    expect(inside.sort()).toEqual(foldersIn(parent).sort());
  },
);

it('has no folder whose name says nothing', () => {
  const empty = new Set(['utils', 'helpers', 'common', 'shared', 'core', 'lib', 'services']);
  const names = [...foldersIn('.'), ...named].map((folder) => folder.split('/').at(-2) ?? '');
  expect(names.filter((name) => empty.has(name))).toEqual([]);
});

it('fits on two pages', () => {
  expect(text.split(/\s+/).length).toBeLessThan(1_400);
});

it('gives each law a file that enforces it', () => {
  const laws = text.slice(text.indexOf('## Where each law'), text.indexOf('## Invariants'));
  const rows = laws
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
  expect(rows).toHaveLength(11);
  for (const row of rows) {
    const files = [...row.matchAll(/`([\w./-]+\.(?:ts|sql))`/g)].map((match) => String(match[1]));
    expect(files.length, row).toBeGreaterThan(0);
    for (const file of files) expect(exists(file), file).toBe(true);
  }
});
