import fs from 'node:fs';
import path from 'node:path';

/** The folder of the repository, from its sources and from `dist/` alike. */
export const root = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  if (fs.existsSync(path.join(folder, 'package.json'))) return folder;
  return findRoot(path.dirname(folder));
}
