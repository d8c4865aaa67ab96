import { readText } from './files.ts';

/** A secret is never written in a file of settings itself: this says where it is found. */
export const SECRET_REFERENCE = /^(env|file):.+$/;

/** The secret behind a reference. Throws with the reference, never with what was found. */
export async function readSecret(
  reference: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const name = reference.slice(reference.indexOf(':') + 1);
  const found = reference.startsWith('env:')
    ? environment[name]
    : (await readText({ variable: reference, path: name })).trim();
  if (!found) throw new Error(`${reference} has no value: set it to the secret, or correct the reference.`);
  return found;
}
