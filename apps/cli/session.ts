import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

const sessionSchema = z.object({
  issuer: z.string(),
  api: z.string(),
  access_token: z.string(),
  expires_at: z.iso.datetime(),
  refresh_token: z.string().optional(),
  client: z.string().optional(),
});

/** A sign-in, kept for the next commands. */
export type Session = z.infer<typeof sessionSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

function folderOf(environment: Environment): string {
  const base = environment['XDG_CONFIG_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.config'), 'keyturn');
}

/** The stored sign-in, or null when there is none that can be read. */
export async function readSession(environment: Environment): Promise<Session | null> {
  try {
    const text = await readFile(join(folderOf(environment), 'session.json'), 'utf8');
    return sessionSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Forgets the stored sign-in. */
export async function deleteSession(environment: Environment): Promise<void> {
  await rm(join(folderOf(environment), 'session.json'), { force: true });
}

/** Keeps a sign-in where only this user can read it. */
export async function writeSession(environment: Environment, session: Session): Promise<string> {
  const folder = folderOf(environment);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'session.json');
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(session)}\n`, { mode: 0o600 });
  // The mode above counts only for a file that did not exist.
  await chmod(fresh, 0o600);
  await rename(fresh, file);
  return file;
}
