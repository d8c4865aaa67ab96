import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { prepareTarget, TARGET_ROLES } from '../demo/target.ts';
import { ensureDatabase, withDatabase, withUser } from '../servers/postgres.ts';
import { root } from '../servers/root.ts';
import { writeNew } from './keys.ts';
import { note } from './progress.ts';

const run = promisify(execFile);

/** Connection strings of everybody who uses a database. */
export interface Databases {
  readonly api: string;
  readonly worker: string;
  readonly target: string;
}

/** The sample's own databases in the PostgreSQL at hand. */
const KEYTURN = 'keyturn';
const SHOP = 'shop';

/** Creates Keyturn's database, or brings it up to date. */
export async function prepareKeyturn(
  adminUrl: string,
  folder: string,
): Promise<Pick<Databases, 'api' | 'worker'>> {
  const passwords = ensurePasswords(folder);
  await ensureDatabase(adminUrl, KEYTURN);
  const url = withDatabase(adminUrl, KEYTURN);
  await runNode(['dist/database/migrate.js'], {
    KEYTURN_DATABASE_URL: url,
    KEYTURN_API_PASSWORD: passwords.api,
    KEYTURN_WORKER_PASSWORD: passwords.worker,
  });
  const worker = withUser(url, 'keyturn_worker', passwords.worker);
  return { api: withUser(url, 'keyturn_api', passwords.api), worker };
}

/**
 * For commands of operators: those that read Keyturn's own database, such as `keyturn policy explain`, a folder that takes its
 * issuer from the environment, as the sample does, Temporal (`keyturn replay`), or a target (`keyturn target check`).
 */
export function writeOperatorFile(folder: string, variables: Readonly<Record<string, string>>): void {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  writeNew(path.join(folder, 'operator.env'), lines.join(''));
}

/** Creates the shop whose data the demo's agents want to change. */
export async function prepareShop(adminUrl: string, folder: string): Promise<string> {
  const passwords = ensurePasswords(folder);
  await ensureDatabase(adminUrl, SHOP);
  const url = withDatabase(adminUrl, SHOP);
  await prepareTarget(url, passwords.target);
  return withUser(url, TARGET_ROLES.login, passwords.target);
}

/**
 * Makes the sample policy the first active one. Another active policy stays, and what is said then tells how to change
 * it. Answers whether the sample is the active one.
 */
export async function installPolicy(databaseUrl: string, issuer: string): Promise<boolean> {
  const env = { KEYTURN_DATABASE_URL: databaseUrl, KEYTURN_IDP_ISSUER: issuer };
  const said = await runNode(['dist/apps/cli/main.js', 'policy', 'install', '--first', 'policies'], env);
  const isOther = said.includes('differs from the active policy');
  if (isOther) note(said.trim());
  return !isOther;
}

/** Runs one of our programs to its end and answers what it said; that is the error when it fails. */
async function runNode(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
    return stdout;
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new Error(`${args.join(' ')} failed:\n${said.trim()}`, { cause: error });
  }
}

interface Passwords {
  readonly api: string;
  readonly worker: string;
  readonly target: string;
}

function ensurePasswords(folder: string): Passwords {
  const file = path.join(folder, 'passwords.json');
  if (!fs.existsSync(file)) {
    const made = { api: newPassword(), worker: newPassword(), target: newPassword() };
    writeNew(file, `${JSON.stringify(made, null, 2)}\n`);
  }
  const passwords: Passwords = JSON.parse(fs.readFileSync(file, 'utf8'));
  return passwords;
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
