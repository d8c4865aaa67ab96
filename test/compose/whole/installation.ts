import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { stringify } from 'yaml';

import { fillTargetSetup } from '../../../activities/connectors/postgres/target-setup.ts';
import { TARGET_ROLES } from '../../../scripts/demo/target.ts';
import { freePort } from '../../../scripts/servers/ports.ts';
import { root } from '../../../scripts/servers/root.ts';
import { call, type Call, type Reply } from '../../stack/http.ts';
import { waitFor } from '../../stack/wait.ts';
import type { Engine } from './engine.ts';

/** The API may fetch keys in clear here: the issuer is another container. */
const ISSUER = 'http://issuer:7082';
const SERVE_KEYS =
  "http.createServer((_, r) => r.setHeader('content-type', 'application/json').end(fs.readFileSync('/keys/jwks.json'))).listen(7082)";

/** One installation by docker-compose.yml, in a folder that holds what a fresh clone holds. */
export class Installation {
  readonly folder: string;
  readonly engine: Engine;
  readonly #key: CryptoKey;
  #url = '';

  private constructor(engine: Engine, key: CryptoKey) {
    this.engine = engine;
    this.folder = path.join(engine.folder, 'keyturn');
    this.#key = key;
  }

  /** A folder with sources, an issuer of its own, and the sample policy with targets as compose reaches them. */
  static async prepare(engine: Engine): Promise<Installation> {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const installation = new Installation(engine, privateKey);
    const inside = (name: string): string => path.join(installation.folder, name);
    fs.cpSync(root, installation.folder, { recursive: true, filter: isSource });
    fs.mkdirSync(inside('keys'));
    const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA', use: 'sig' };
    fs.writeFileSync(inside('keys/jwks.json'), JSON.stringify({ keys: [jwk] }));
    fs.writeFileSync(inside('issuers.yaml'), stringify({ issuers: [issuer] }));
    fs.writeFileSync(
      inside('docker-compose.override.yml'),
      stringify({ services: { issuer: issuerService } }),
    );
    replaceIn(inside('policies/directory.yaml'), /\$\{KEYTURN_IDP_ISSUER[^}]*\}/, ISSUER);
    for (const name of fs.readdirSync(inside('policies/targets'))) {
      replaceIn(inside(`policies/targets/${name}`), 'env:KEYTURN_TARGET_SHOP_URL', 'file:/run/targets/shop');
    }
    return installation;
  }

  /** Runs lines of a document, as somebody would who pastes them. */
  async paste(lines: string): Promise<string> {
    const child = spawn('sh', ['-e'], { cwd: this.folder, env: this.engine.environment });
    child.stdin.end(lines);
    return outputOf(child);
  }

  /** Fills in `.env` as its comments ask for. */
  async configure(): Promise<void> {
    const port = await freePort();
    this.#url = `http://127.0.0.1:${port}`;
    const settings = {
      KEYTURN_ISSUERS_FILE: './issuers.yaml',
      KEYTURN_POLICIES: './policies',
      KEYTURN_PORT: port,
      KEYTURN_PUBLIC_URL: this.#url,
      TEMPORAL_UI_PORT: await freePort(),
      KEYTURN_WORKERS: 2,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    fs.appendFileSync(path.join(this.folder, '.env'), lines.join(''));
    const target = path.join(this.folder, '.keyturn/compose/targets/shop');
    fs.writeFileSync(target, `postgres://${TARGET_ROLES.login}:test@postgres:5432/shop\n`, { mode: 0o444 });
  }

  /** The database that agents want to change: beside Keyturn's own, where only the worker signs in. */
  async makeTarget(): Promise<void> {
    await this.psql('postgres', 'create database shop');
    await this.psql('shop', sqlOf('scripts/demo/shop.sql'));
    await this.psql(
      'shop',
      fillTargetSetup(sqlOf('activities/connectors/postgres/target-setup.sql'), TARGET_ROLES),
    );
    await this.psql('shop', sqlOf('scripts/demo/grants.sql'));
    await this.psql('shop', `alter role ${TARGET_ROLES.login} password 'test'`);
  }

  /** Runs SQL as the superuser inside the container. Answers rows alone, without headings. */
  async psql(database: string, sql: string): Promise<string> {
    const options = ['--username=postgres', '--no-psqlrc', '--quiet', '--tuples-only', '--no-align'];
    const command = [
      'compose',
      'exec',
      '-T',
      'postgres',
      'psql',
      ...options,
      '--set=ON_ERROR_STOP=1',
      database,
    ];
    const child = spawn('docker', command, { cwd: this.folder, env: this.engine.environment });
    child.stdin.end(sql);
    return (await outputOf(child)).trim();
  }

  /** `docker compose …` in the folder. */
  compose(...args: readonly string[]): Promise<string> {
    return this.engine.docker(['compose', ...args], { cwd: this.folder });
  }

  /** Calls the API as the person or agent of that name. */
  async http<T>(name: string, options: Omit<Call, 'token'>): Promise<Reply<T>> {
    return call<T>(this.#url, { ...options, token: await this.#token(name) });
  }

  /** Sends what must be taken. What could not be confirmed in time is sent again, as its answer says. */
  async send<T>(name: string, options: Omit<Call, 'token'>): Promise<T> {
    const { status, body } = await waitFor({
      what: `an answer to ${options.path}`,
      withinMs: 300_000,
      check: async () => {
        const reply = await this.http<T>(name, options);
        return reply.status === 503 ? undefined : reply;
      },
    });
    if (status >= 300) throw new Error(`${options.path} was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Waits until the API says that it can work. */
  async untilReady(): Promise<void> {
    await waitFor({
      what: 'the API to be ready',
      withinMs: 600_000,
      check: async () =>
        (await call(this.#url, { path: '/readyz' }).catch(() => undefined))?.status === 200
          ? true
          : undefined,
      explain: () => this.compose('ps', '--all'),
    });
  }

  #token(name: string): Promise<string> {
    const isAgent = name.startsWith('agent-');
    const client = isAgent ? { client_id: name } : { client_id: 'keyturn-tools', scope: 'keyturn:decide' };
    const claims: JWTPayload = { iss: ISSUER, aud: 'keyturn', sub: name, ...client };
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ ...claims, iat: now, exp: now + 3600 })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
      .sign(this.#key);
  }
}

const issuer = {
  issuer: ISSUER,
  audience: 'keyturn',
  algorithms: ['EdDSA'],
  jwks_uri: `${ISSUER}/jwks`,
  allow_insecure_http: true,
  human: { clients: ['keyturn-tools'], scope: 'keyturn:decide' },
};

const issuerService = {
  image: 'keyturn:0.1.0',
  pull_policy: 'never',
  command: ['-e', SERVE_KEYS],
  volumes: ['./keys:/keys:ro'],
  networks: ['outside'],
  healthcheck: { disable: true },
  depends_on: { migrate: { condition: 'service_completed_successfully' } },
  restart: 'unless-stopped',
};

function isSource(file: string): boolean {
  const [top] = path.relative(root, file).split(path.sep);
  return !['node_modules', 'dist', '.git', '.keyturn', '.env', 'test'].includes(top ?? '');
}

function replaceIn(file: string, what: string | RegExp, value: string): void {
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(what, value));
}

function sqlOf(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}

/** What a program printed. When it fails, that and what it complained about is the error. */
async function outputOf(child: ReturnType<typeof spawn>): Promise<string> {
  const said = { out: '', all: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
    said.all += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said.all += chunk.toString();
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new Error(`${child.spawnargs.join(' ')} ended with ${String(code)}:\n${said.all.slice(-4_000)}`);
  return said.out;
}
