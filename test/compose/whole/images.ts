import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { root } from '../../../scripts/servers/root.ts';
import { cacheFolder, findTemporal } from '../../../scripts/servers/temporal-program.ts';
import { findFullTemporal } from '../../stack/full-temporal-program.ts';
import { goProgram, moduleFolder } from '../../stack/go-program.ts';
import { readComposeFile } from '../compose-file.ts';
import type { Engine } from './engine.ts';

const run = promisify(execFile);

type Say = (line: string) => void;

const BASE = 'keyturn-test/debian';
/** The first release of Debian with PostgreSQL 18. */
const SUITE = { name: 'forky', script: 'sid' };
const PACKAGES = 'postgresql-18,ca-certificates,netcat-openbsd,wget';
const UI_MODULE = 'github.com/temporalio/ui-server/v2';

/** Gives the engine every image that docker-compose.yml and the Dockerfile start from: pulled, or a stand-in. */
export async function provideImages(engine: Engine, say: Say): Promise<void> {
  const missing: string[] = [];
  for (const image of foreignImages()) if (!(await isPulled(engine, image))) missing.push(image);
  if (missing.length === 0) return;
  say(`No registry gives these images, so stand-ins are made: ${missing.join(', ')}`);
  await importBase(engine, say);
  const context = await fillContext(path.join(engine.folder, 'images'), say);
  for (const image of missing) {
    await engine.docker(['build', '--quiet', '--tag', image, '--target', targetOf(image), context]);
  }
}

/** `postgres:18.4-bookworm` → `postgres`, `temporalio/ui:2.54.1` → `ui`: also the name of the stand-in. */
function targetOf(image: string): string {
  return path.basename(image).replace(/:.*$/, '');
}

/** The version in the tag of an image of docker-compose.yml. */
export function versionOf(name: string): string {
  const image = foreignImages().find((candidate) => candidate.startsWith(`${name}:`)) ?? '';
  return /:(\d+\.\d+(?:\.\d+)?)/.exec(image)?.[1] ?? '';
}

function foreignImages(): string[] {
  const services = Object.values(readComposeFile().services).map(({ image }) => image);
  const bases = [...fs.readFileSync(path.join(root, 'Dockerfile'), 'utf8').matchAll(/^FROM (\S+)/gm)];
  const images = [...services, ...bases.map((match) => String(match[1]))];
  return [...new Set(images)].filter((image) => !image.startsWith('keyturn:'));
}

async function isPulled(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.docker(['pull', '--quiet', image]);
    return true;
  } catch {
    return false;
  }
}

/** A small Debian, from its own packages. Kept in the cache as a file. */
async function importBase(engine: Engine, say: Say): Promise<void> {
  const file = path.join(cacheFolder(), `debian-${SUITE.name}.tar`);
  if (!fs.existsSync(file)) {
    say(`Debian ${SUITE.name}: fetching its packages, once.`);
    const folder = path.join(engine.folder, 'debian');
    const options = ['--variant=minbase', `--include=${PACKAGES}`, SUITE.name, folder];
    await run('debootstrap', [...options, 'http://deb.debian.org/debian', SUITE.script], {
      maxBuffer: 64 << 20,
    });
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await run('tar', ['-C', folder, '--exclude=./var/cache/apt/*', '-cf', `${file}.new`, '.']);
    fs.renameSync(`${file}.new`, file);
  }
  await engine.docker(['import', file, BASE]);
}

async function fillContext(folder: string, say: Say): Promise<string> {
  fs.cpSync(path.join(import.meta.dirname, 'images'), folder, { recursive: true });
  const put = (from: string, name: string, mode = 0o755): void => {
    fs.copyFileSync(from, path.join(folder, name));
    fs.chmodSync(path.join(folder, name), mode);
  };
  put(process.execPath, 'node');
  fs.cpSync(npmFolder(), path.join(folder, 'npm'), { recursive: true, dereference: true });
  put(process.env['NODE_EXTRA_CA_CERTS'] ?? '/etc/ssl/certs/ca-certificates.crt', 'authorities.crt', 0o644);
  const temporal = await findFullTemporal(say);
  if (typeof temporal === 'string') throw new Error(temporal);
  put(temporal.server, 'temporal-server');
  put(temporal.sql, 'temporal-sql-tool');
  const cli = await findTemporal(say, { PATH: process.env['PATH'] });
  if (cli.kind === 'program') put(cli.file, 'temporal');
  const ui = { module: UI_MODULE, version: versionOf('temporalio/ui') };
  put(await goProgram({ ...ui, name: 'ui-server', main: 'cmd/server' }, say), 'ui-server');
  const source = await moduleFolder(ui);
  put(path.join(source, 'config', 'docker.yaml'), 'docker.yaml', 0o644);
  put(path.join(source, 'docker', 'start-ui-server.sh'), 'start-ui-server.sh');
  for (const script of ['postgres-entrypoint.sh', 'temporal-entrypoint.sh']) {
    fs.chmodSync(path.join(folder, script), 0o755);
  }
  return folder;
}

/** npm itself runs these tests. */
function npmFolder(): string {
  const script = process.env['npm_execpath'];
  if (!script) throw new Error('Run this by `npm run test:compose`.');
  return path.dirname(path.dirname(fs.realpathSync(script)));
}
