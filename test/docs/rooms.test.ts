import path from 'node:path';
import { expect, it } from 'vitest';

import { filesBelow, foldersIn, read } from './documents.ts';

/** What each file of the product imports of the product, types included. */
const imports = importsOf(productFiles());

it('has no cycle of files, types included', () => {
  expect(cycles(imports)).toEqual([]);
});

it('has no ring of folders', () => {
  const rooms = new Map<string, Set<string>>();
  for (const [file, imported] of imports) {
    const room = roomOf(file);
    const others = rooms.get(room) ?? new Set();
    for (const name of imported) if (roomOf(name) !== room) others.add(roomOf(name));
    rooms.set(room, others);
  }
  expect(cycles(rooms)).toEqual([]);
});

it('has no ring among the folders of the API, nor of them with a file beside them', () => {
  const folders = new Map<string, Set<string>>();
  for (const [file, imported] of imports) {
    if (!file.startsWith(API)) continue;
    const folder = folderOf(file);
    const others = [...imported].filter((name) => name.startsWith(API)).map(folderOf);
    folders.set(folder, new Set([...(folders.get(folder) ?? []), ...others]));
  }
  expect(cycles(folders)).toEqual([]);
});

const API = 'apps/api/';

function folderOf(file: string): string {
  const folder = path.dirname(file);
  return `${folder}/` === API ? file : folder;
}

/** What starts may import everything, so it is no room of its own. */
const PROGRAMS = new Set(['database/migrate.ts', 'apps/open-database.ts']);

/** A folder of the domain, a program, or a top-level folder. */
function roomOf(file: string): string {
  if (PROGRAMS.has(file)) return file;
  const folders = path.dirname(file).split('/');
  const depth = folders[0] === 'domain' || folders[0] === 'apps' ? 2 : 1;
  return folders.slice(0, depth).join('/');
}

function productFiles(): string[] {
  return foldersIn('.')
    .filter((folder) => folder !== 'test/')
    .flatMap(filesBelow)
    .filter((file) => /\.tsx?$/.test(file));
}

function importsOf(files: readonly string[]): Map<string, ReadonlySet<string>> {
  return new Map(
    files.map((file) => [
      file,
      new Set(
        [...read(file).matchAll(/(?:\bfrom|\bimport) ?\(?'(\.[^']+\.tsx?)'/g)].map(([, name]) =>
          path.join(path.dirname(file), String(name)),
        ),
      ),
    ]),
  );
}

/** The sets of nodes that reach each other (Tarjan 1972), each sorted. */
function cycles(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    lowest.set(node, Number(order.get(node)));
    open.push(node);
    for (const next of arrows.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (open.includes(next)) lowest.set(node, Math.min(Number(lowest.get(node)), Number(lowest.get(next))));
    }
    if (lowest.get(node) !== order.get(node)) return;
    const cycle = open.splice(open.indexOf(node));
    if (cycle.length > 1) found.push(cycle.toSorted());
  };
  for (const node of arrows.keys()) if (!order.has(node)) visit(node);
  return found;
}
