/** Where the value behind a reference of a target is: in a variable or in a file of the worker. */
export type TargetReference =
  { readonly kind: 'env'; readonly name: string } | { readonly kind: 'file'; readonly path: string };

/** Variables of the worker that are made for targets. All others are its own: its database, its keys. */
const VARIABLE = /^env:(KEYTURN_TARGET_[A-Z0-9_]+)$/;

/** One spelling for one file: absolute, without `.`, `..`, empty parts or characters that anything decodes. */
const FILE = /^file:((?:\/(?!\.{1,2}(?:\/|$))[\w.@+-]+)+)$/;

const LENGTH_MAX = 500;

/** Folders whose files targets may name, where the worker is not told otherwise. Its own secrets are elsewhere. */
export const TARGET_FOLDERS_DEFAULT = '/run/targets';

/** Absolute folders with colons between them. */
export const TARGET_FOLDERS = /^\/[^:]+(:\/[^:]+)*$/;

/** How a target names its credentials, for messages. */
export const TARGET_REFERENCE_FORM = 'env:KEYTURN_TARGET_… or file:/…';

/**
 * Reads a reference of a target; null for anything else. Authors of policy say what a worker sends where, so a
 * reference must never reach what the worker keeps for itself.
 */
export function readTargetReference(text: string): TargetReference | null {
  if (text.length > LENGTH_MAX) return null;
  const name = VARIABLE.exec(text)?.[1];
  if (name !== undefined) return { kind: 'env', name };
  const path = FILE.exec(text)?.[1];
  return path === undefined ? null : { kind: 'file', path };
}

/** The folders of a list with colons between them, without slashes at their ends. */
export function targetFolders(list: string): readonly string[] {
  return list.split(':').map((folder) => folder.replace(/\/+$/, ''));
}

/** True for a path below one of the folders. Both are spelt the one way: `..` and links were resolved before. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => folder !== '' && path.startsWith(`${folder}/`));
}
