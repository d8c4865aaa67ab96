import fs from 'node:fs';

/** The texts of the SQL files in a folder, in the order of their names. */
export function sqlIn(folder: URL): readonly string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
    .map((name) => fs.readFileSync(new URL(name, folder), 'utf8'));
}
