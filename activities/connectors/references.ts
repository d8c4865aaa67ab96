import { readFile } from 'node:fs/promises';

import { KeyturnError } from '../../domain/errors.ts';

/** Longer files are not credentials, and reading them would only fill the memory. */
const BYTES_MAX = 64 * 1024;

/**
 * The value behind a credential reference: `env:NAME` or `file:PATH` (trailing line ends are dropped). Called inside
 * activities only, so that secrets never reach a workflow's history. A missing value is `unavailable`: the message
 * names the reference and never the value.
 */
export async function resolveReference(
  reference: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const separator = reference.indexOf(':');
  const scheme = reference.slice(0, Math.max(separator, 0));
  const name = reference.slice(separator + 1);
  if (scheme === 'env' && name !== '') return present(reference, environment[name]);
  if (scheme === 'file' && name !== '') return present(reference, await textOf(name));
  // The text itself stays unnamed: somebody may have written the secret where its reference belongs.
  throw new KeyturnError('policy_invalid', 'A credential must be written as env:NAME or file:PATH.');
}

function present(reference: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new KeyturnError('unavailable', `The credential reference ${reference} has no value here.`);
}

async function textOf(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || bytes.length > BYTES_MAX) return undefined;
  return bytes.toString('utf8').replace(/[\r\n]+$/, '');
}
