import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

const sessionSchema = z.object({
  issuer: z.string(),
  api: z.string(),
  access_token: z.string(),
  expires_at: z.iso.datetime(),
  /** The client that signed in, and the resource of the token (RFC 8707), if the issuer requires one. */
  client: z.string().optional(),
  resource: z.string().optional(),
  /** If the issuer gives one, the sign-in is renewed without the person. */
  refresh_token: z.string().optional(),
});

/** A sign-in, stored for later commands. */
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

export async function deleteSession(environment: Environment): Promise<void> {
  await rm(join(folderOf(environment), 'session.json'), { force: true });
}

/** Stores a sign-in where only this user can read it. */
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

/** The longest that a refresh may take; an older lock was left by a process that died. */
const REFRESH_MS_MAX = 30_000;
const RETRY_MS = 100;

/**
 * Runs `work` while no other process of this user does: an issuer that sees a refresh token twice takes the whole sign-in
 * for stolen.
 */
export async function alone<Result>(environment: Environment, work: () => Promise<Result>): Promise<Result> {
  const lock = join(folderOf(environment), 'session.lock');
  while (!(await isTaken(lock))) await delay(RETRY_MS);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function isTaken(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const age = Date.now() - (await stat(lock).then(({ mtimeMs }) => mtimeMs, Date.now));
    if (age > REFRESH_MS_MAX) await rm(lock, { force: true });
    return false;
  }
}
