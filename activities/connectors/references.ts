import { readFile, realpath, stat } from 'node:fs/promises';

import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { isKeyturnError, KeyturnError } from '../../domain/errors.ts';
import type { Target } from '../../domain/policy/policy.ts';
import {
  isBelow,
  readTargetReference,
  TARGET_FOLDERS_DEFAULT,
  TARGET_REFERENCE_FORM,
  targetFolders,
} from '../../domain/policy/target-references.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Longer files are not credentials, and reading them would only fill the memory. */
const BYTES_MAX = 64 * 1024;

/**
 * The value behind a reference that a target names. Policy is written by others than those who run the worker: only
 * variables and folders made for targets are read, whatever `..` or links lead to. Called inside activities only, so
 * that secrets never reach a workflow's history. A missing value is `unavailable`: the message names the reference and
 * never the value.
 */
export async function resolveTargetReference(
  reference: string,
  environment: Environment = process.env,
): Promise<string> {
  const read = readTargetReference(reference);
  // The text itself stays unnamed: somebody may have written the secret where its reference belongs.
  if (read === null)
    throw new KeyturnError('policy_invalid', `A target's credential is written as ${TARGET_REFERENCE_FORM}.`);
  if (read.kind === 'env') return present(reference, environment[read.name]);
  const folders = foldersOf(environment);
  if (!isBelow(read.path, folders)) throw outside(reference);
  const found = await realpath(read.path).catch((error: unknown) => {
    throw without(reference, reasonOf(error));
  });
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  if (!isBelow(found, real)) throw outside(reference);
  return present(reference, await textOf(found, reference));
}

/** What of a policy's references this worker would never read, target by target. */
export function unreadableReferences(
  targets: readonly Target[],
  environment: Environment = process.env,
): readonly string[] {
  const folders = foldersOf(environment);
  return targets.flatMap(({ id, connection }) =>
    textsOf(connection).flatMap((text) => {
      const read = readTargetReference(text);
      if (read?.kind !== 'file' || isBelow(read.path, folders)) return [];
      return [`target ${id}: ${text} is not below ${folders.join(' or ')}`];
    }),
  );
}

/**
 * The value behind a reference of a file that only the operator of the worker writes: `env:NAME` or `file:PATH`, any of
 * them (trailing line ends are dropped).
 */
export async function resolveOwnReference(
  reference: string,
  environment: Environment = process.env,
): Promise<string> {
  const [, scheme, name = ''] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  if (scheme === undefined)
    throw new KeyturnError('policy_invalid', 'A credential must be written as env:NAME or file:PATH.');
  return present(reference, scheme === 'env' ? environment[name] : await textOf(name, reference));
}

function foldersOf(environment: Environment): readonly string[] {
  return targetFolders(environment['KEYTURN_REFERENCE_FOLDERS'] || TARGET_FOLDERS_DEFAULT);
}

function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsOf) : [];
}

function outside(reference: string): KeyturnError {
  return new KeyturnError(
    'policy_invalid',
    `${reference} is not in a folder whose files targets may name: move the file, or add its folder to KEYTURN_REFERENCE_FOLDERS.`,
  );
}

function present(reference: string, value: string | undefined): string {
  if (value === undefined) throw without(reference, 'is not there');
  if (value === '') throw without(reference, 'is empty');
  return value;
}

/** What is not there, what is empty and what may not be read are mended in different ways. */
function without(reference: string, reason: string): KeyturnError {
  return new KeyturnError(
    'unavailable',
    `The credential reference ${reference} has no value here: it ${reason}.`,
  );
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM')
    return `may not be read by the user of this process (uid ${process.getuid?.() ?? 'unknown'})`;
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'is not there' : 'could not be read';
}

async function textOf(path: string, reference: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > BYTES_MAX) throw without(reference, 'is no file of at most 64 KiB');
    return (await readFile(path, 'utf8')).replace(/[\r\n]+$/, '');
  } catch (error) {
    throw isKeyturnError(error) ? error : without(reference, reasonOf(error));
  }
}
