import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder } from '../../../scripts/servers/temporal-program.ts';

const run = promisify(execFile);

const PACKAGE = 'postgresql-15';
const SOURCES = 'deb-src http://deb.debian.org/debian bookworm main\n';

/**
 * The folder with the SQL of PostgreSQL's own regression tests, fetched once from Debian's source package into the
 * cache: it is not ours to keep in this repository. Answers in words why there is none where it cannot be fetched.
 */
export async function findRegressSql(): Promise<{ readonly folder: string } | string> {
  const folder = path.join(cacheFolder(), `${PACKAGE}-regress`);
  const done = path.join(folder, 'sql');
  if (fs.existsSync(done)) return { folder: done };
  const draft = `${folder}.draft-${process.pid}`;
  try {
    await fetchInto(draft);
    fs.renameSync(draft, folder);
    return { folder: done };
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `the source package ${PACKAGE} cannot be fetched with apt-get: ${reason}`;
  }
}

async function fetchInto(folder: string): Promise<void> {
  fs.mkdirSync(path.join(folder, 'lists', 'partial'), { recursive: true });
  const sources = path.join(folder, 'sources.list');
  fs.writeFileSync(sources, SOURCES);
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::Cache': folder,
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...options, 'update'], { cwd: folder });
  await run('apt-get', [...options, 'source', '--download-only', PACKAGE], { cwd: folder });
  const archive = fs.readdirSync(folder).find((file) => file.includes('.orig.tar.'));
  if (archive === undefined) throw new Error('the archive is not in it');
  const part = ['--wildcards', '--strip-components=4', '*/src/test/regress/sql'];
  await run('tar', ['-xf', archive, '--one-top-level=sql', ...part], { cwd: folder });
}
