import fs from 'node:fs';
import path from 'node:path';

import { root } from '../../scripts/servers/root.ts';

/** Every document that is written for people. */
export const documents: readonly string[] = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs').filter((file) => file.endsWith('.md')),
];

/** A file of the repository, as text. */
export function read(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}

/** Whether a path of the repository exists. */
export function exists(file: string): boolean {
  return fs.existsSync(path.join(root, file));
}

/** Files below a folder, by their path from the root. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Folders directly in a folder, without those that .gitignore names. */
export function foldersIn(folder: string): string[] {
  const ignored = new Set(read('.gitignore').split('\n'));
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !ignored.has(`${entry.name}/`))
    .map((entry) => `${path.join(folder, entry.name)}/`);
}

/** The text between back-quotes, outside of code blocks. */
export function quoted(text: string): string[] {
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => String(match[1]));
}

/** The lines of all shell blocks. */
export function shellLines(text: string): string[] {
  return [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].flatMap((match) => String(match[1]).split('\n'));
}
