/**
 * Compiles everything into `dist/`, copies the files next to the code that it reads when it runs, bundles the workflow
 * code once, so that every worker starts with the same prebuilt bundle, and builds the console.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { buildConsole } from './build-console.mjs';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const bundle = path.join(dist, 'workflow-bundle.js');
const bundleStamp = path.join(dist, '.workflow-bundle-inputs');
const COMPILED_FOLDERS = [
  'contract',
  'domain',
  'policy-authoring',
  'policy-files',
  'configuration',
  'activities',
  'workflows',
  'database',
  'sdk',
  'apps',
  'test',
  'scripts',
];
const COPIED_FOLDERS = ['activities', 'database'];
const COPIED_FILE = /\.(sql|html|css|json)$/;

removeStaleOutput();
compile('tsconfig.json');
// What programs that import the client are told of it.
compile('tsconfig.sdk.json');
copyFiles();
await bundleWorkflows();
await buildConsole();

/** A deleted source must not live on as a compiled file that something still loads. */
function removeStaleOutput() {
  for (const folder of COMPILED_FOLDERS) {
    for (const file of filesBelow(path.join(dist, folder))) {
      const source = path.join(root, path.relative(dist, file).replace(/\.(?:js(?:\.map)?|d\.ts)$/, '.ts'));
      if (!fs.existsSync(source)) fs.rmSync(file);
    }
  }
}

function compile(project) {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = spawnSync(process.execPath, [compiler, '--project', path.join(root, project)], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function copyFiles() {
  for (const folder of COPIED_FOLDERS) {
    for (const file of filesBelow(path.join(root, folder))) {
      if (!COPIED_FILE.test(file)) continue;
      const copy = path.join(dist, path.relative(root, file));
      fs.mkdirSync(path.dirname(copy), { recursive: true });
      fs.copyFileSync(file, copy);
    }
  }
}

async function bundleWorkflows() {
  const workflowsPath = path.join(dist, 'workflows', 'index.js');
  const inputs = digestOfInputs();
  if (fs.existsSync(bundle) && readOrEmpty(bundleStamp) === inputs) return;
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    payloadConverterPath: path.join(dist, 'workflows', 'payload-converter.js'),
    workflowInterceptorModules: [path.join(dist, 'workflows', 'signal-door.js')],
    logger: quietLogger(),
  });
  fs.writeFileSync(bundle, code);
  fs.writeFileSync(bundleStamp, inputs);
}

/** Everything that can end up in the bundle: our compiled files and the versions of the packages. */
function digestOfInputs() {
  const hash = createHash('sha256');
  const files = ['workflows', 'contract', 'domain', 'activities'].flatMap((folder) =>
    filesBelow(path.join(dist, folder)),
  );
  for (const file of [...files.toSorted(), path.join(root, 'package-lock.json')]) {
    if (file.endsWith('.map')) continue;
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  if (!fs.existsSync(folder)) return [];
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

function readOrEmpty(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

/** The bundler reports every step; only what is wrong matters here. */
function quietLogger() {
  return { log: silent, trace: silent, debug: silent, info: silent, warn: loud, error: loud };
}

function silent() {}

function loud(message, meta) {
  process.stderr.write(`${message} ${meta ? JSON.stringify(meta) : ''}\n`);
}
