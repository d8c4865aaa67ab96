import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

import { didYouMean, quote, type PolicyProblem } from './problem.ts';

export type FileKind = 'settings' | 'directory' | 'actions' | 'targets' | 'rules' | 'tests';

export interface PolicyFile {
  readonly kind: FileKind;
  /** Relative to the folder, with `/`. */
  readonly file: string;
  readonly text: string;
}

/** Everything read of a folder. `unread` names the kinds of which a file could not be read. */
export interface PolicyFolder {
  readonly files: readonly PolicyFile[];
  readonly unread: ReadonlySet<FileKind>;
  readonly problems: readonly PolicyProblem[];
}

/** The files that a policy is compiled from, as they are proposed and stored. Tests are no part of them. */
export interface PolicySources {
  /** Texts by path, relative to the folder, with `/`. */
  readonly files: Readonly<Record<string, string>>;
  /** The variables that the files read, with their values. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A larger file is refused: it is not a policy that people can review. */
export const FILE_BYTES_MAX = 256 * 1024;

const TOO_LARGE = `larger than ${FILE_BYTES_MAX} bytes`;

export const FILES_MAX = 1000;

const SINGLE_FILES: ReadonlyMap<string, FileKind> = new Map([
  ['keyturn.yaml', 'settings'],
  ['keyturn.yml', 'settings'],
  ['directory.yaml', 'directory'],
  ['directory.yml', 'directory'],
]);

const FOLDERS: ReadonlyMap<string, FileKind> = new Map([
  ['actions', 'actions'],
  ['targets', 'targets'],
  ['rules', 'rules'],
]);

/** Test cases of a policy live beside it; they are no part of the set. */
const TESTS = 'tests';

interface Reading {
  /** Real path of the folder: nothing outside it is read. */
  readonly root: string;
  readonly files: PolicyFile[];
  readonly unread: Set<FileKind>;
  readonly problems: PolicyProblem[];
}

/** The same folder from files that somebody sent: of any name and size. */
export function folderOf(files: PolicySources['files']): PolicyFolder {
  const reading: Reading = { root: '', files: [], unread: new Set(), problems: [] };
  // In the order in which a folder is read.
  for (const file of Object.keys(files).sort()) takeFile(reading, file, files[file] ?? '');
  refuseTooMany(reading, '.');
  return reading;
}

function takeFile(reading: Reading, file: string, text: string): void {
  const [folder = '', name = '', ...deeper] = file.split('/');
  const kind = deeper.length === 0 && isYaml(name) ? FOLDERS.get(folder) : SINGLE_FILES.get(file);
  if (kind === undefined) return refuse(reading, file, 'not part of a policy folder');
  if (Buffer.byteLength(text) <= FILE_BYTES_MAX) return void reading.files.push({ kind, file, text });
  reading.unread.add(kind);
  refuse(reading, file, TOO_LARGE);
}

/** Reads all files of a policy folder. Never throws for what the folder holds or lacks. */
export function readFolder(directory: string): Promise<PolicyFolder> {
  return opened(directory, async (reading) => {
    for (const entry of await list(reading, '')) await readTopLevel(reading, entry);
    refuseTooMany(reading, '.');
  });
}

async function opened(directory: string, read: (reading: Reading) => Promise<void>): Promise<PolicyFolder> {
  const closed: Reading = { root: '', files: [], unread: new Set(), problems: [] };
  const root = await realpath(directory).catch((error: unknown) =>
    refuse(closed, directory, reasonOf(error)),
  );
  const reading = { ...closed, root: root ?? '' };
  if (root !== undefined) await read(reading);
  return reading;
}

function refuseTooMany(reading: Reading, folder: string): void {
  if (reading.files.length > FILES_MAX) refuse(reading, folder, `more than ${FILES_MAX} files`);
}

/** Reads the tests beside a policy: none where it has no folder of tests. Never throws for what the folder holds or lacks. */
export function readTestFiles(directory: string): Promise<PolicyFolder> {
  return opened(directory, async (reading) => {
    const hasTests = (await list(reading, '')).some(({ name }) => name === TESTS);
    if (hasTests) await readKindFolder(reading, TESTS, 'tests');
    refuseTooMany(reading, TESTS);
  });
}

async function readTopLevel(reading: Reading, entry: Dirent): Promise<void> {
  const folder = FOLDERS.get(entry.name);
  if (folder) return readKindFolder(reading, entry.name, folder);
  const kind = SINGLE_FILES.get(entry.name);
  if (kind) return readOne(reading, entry.name, kind);
  if (entry.name === TESTS) return;
  const known = [...SINGLE_FILES.keys(), ...FOLDERS.keys()];
  refuse(reading, entry.name, `not part of a policy folder${didYouMean(entry.name, known)}`);
}

async function readKindFolder(reading: Reading, folder: string, kind: FileKind): Promise<void> {
  for (const entry of await list(reading, folder)) {
    const file = `${folder}/${entry.name}`;
    if (isYaml(entry.name)) await readOne(reading, file, kind);
    else refuse(reading, file, `only .yaml and .yml files belong in ${folder}/`);
  }
}

/** Entries in a fixed order, so that the same folder gives the same set everywhere. Notes and dot files are skipped. */
async function list(reading: Reading, folder: string): Promise<readonly Dirent[]> {
  const inside = folder === '' || (await locate(reading, folder)) !== undefined;
  if (!inside) return [];
  try {
    const entries = await readdir(join(reading.root, folder), { withFileTypes: true });
    return entries.filter(({ name }) => !isSkipped(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    refuse(reading, folder === '' ? '.' : folder, reasonOf(error));
    return [];
  }
}

function isSkipped(name: string): boolean {
  return name.startsWith('.') || name.toLowerCase().endsWith('.md');
}

/** Names stand in what people read: nothing in them is hidden or obeyed. */
const YAML_NAME = /^(?!\.)[^\p{C}\p{Zl}\p{Zp}/\\]{1,200}\.ya?ml$/u;

function isYaml(name: string): boolean {
  return YAML_NAME.test(name);
}

async function readOne(reading: Reading, file: string, kind: FileKind): Promise<void> {
  const text = await readText(reading, file);
  if (text === undefined) reading.unread.add(kind);
  else reading.files.push({ kind, file, text });
}

async function readText(reading: Reading, file: string): Promise<string | undefined> {
  const path = await locate(reading, file);
  if (path === undefined) return undefined;
  try {
    // Checked before opening: opening a pipe would wait for a writer.
    const facts = await stat(path);
    if (!facts.isFile()) return refuse(reading, file, 'not a regular file');
    if (facts.size > FILE_BYTES_MAX) return refuse(reading, file, TOO_LARGE);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    return refuse(reading, file, reasonOf(error));
  }
}

/** The real path, or a problem when a symbolic link leads out of the folder. */
async function locate(reading: Reading, file: string): Promise<string | undefined> {
  try {
    const path = await realpath(join(reading.root, file));
    if (path.startsWith(reading.root + sep)) return path;
    return refuse(reading, file, 'a symbolic link that leads out of the policy folder');
  } catch (error) {
    return refuse(reading, file, reasonOf(error));
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'is not a folder'],
  ['EACCES', 'may not be read by this process'],
  ['EPERM', 'may not be read by this process'],
  ['ELOOP', 'a symbolic link that leads to itself'],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', 'is not UTF-8 text'],
]);

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return REASONS.get(code) ?? `cannot be read (${code})`;
}

function refuse(reading: Reading, file: string, message: string): undefined {
  const shown = quote(file).slice(1, -1);
  reading.problems.push({ file: shown, line: 1, column: 1, message });
  return undefined;
}
