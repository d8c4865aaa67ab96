import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder } from '../../../scripts/servers/temporal-program.ts';
import { buildEnvironment, goProgram, moduleFolder } from '../../stack/go-program.ts';

const run = promisify(execFile);

type Say = (line: string) => void;

const KUBERNETES = { module: 'k8s.io/kubernetes', version: '1.35.4' };
const KUSTOMIZE = {
  name: 'kustomize',
  module: 'sigs.k8s.io/kustomize/kustomize/v5',
  version: '5.8.1',
  main: '.',
};

/** What a real API server takes to run and to be given these manifests. */
export interface Programs {
  readonly apiServer: string;
  readonly etcd: string;
  readonly kustomize: string;
}

/** Why there can be none here; undefined where there can. */
export function reasonAgainst(): string | undefined {
  const missing = ['go', 'etcd'].find(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  return missing && `there is no \`${missing}\` on PATH`;
}

/** The programs, built with Go into the cache on first use. */
export async function programs(say: Say): Promise<Programs> {
  return { apiServer: await apiServer(say), etcd: 'etcd', kustomize: await goProgram(KUSTOMIZE, say) };
}

/**
 * Kubernetes cannot be built as a dependency: its own parts are replaced by folders that its module lacks. So a module of
 * ours names them by their published versions.
 */
async function apiServer(say: Say): Promise<string> {
  const file = path.join(cacheFolder(), 'go', `kube-apiserver-${KUBERNETES.version}`);
  if (fs.existsSync(file)) return file;
  say(`kube-apiserver ${KUBERNETES.version}: building it with Go, once; this takes minutes.`);
  const folder = fs.mkdtempSync(path.join(cacheFolder(), 'kube-apiserver-'));
  try {
    await writeModule(folder);
    const options = {
      cwd: folder,
      env: buildEnvironment(process.env),
      timeout: 3_600_000,
      maxBuffer: 64 << 20,
    };
    await run('go', ['mod', 'tidy', '-e'], options);
    await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', 'kube-apiserver', '.'], options);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.renameSync(path.join(folder, 'kube-apiserver'), file);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return file;
}

async function writeModule(folder: string): Promise<void> {
  const itsOwn = fs.readFileSync(path.join(await moduleFolder(KUBERNETES), 'go.mod'), 'utf8');
  const parts = [...itsOwn.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\//gm)].map((match) =>
    String(match[1]),
  );
  const replaced = parts.map(
    (part) => `replace ${part} => ${part} v${KUBERNETES.version.replace(/^1/, '0')}\n`,
  );
  const go = /^go (\S+)/m.exec(itsOwn)?.[1] ?? '1.25';
  fs.writeFileSync(
    path.join(folder, 'go.mod'),
    `module apiserver\n\ngo ${go}\n\nrequire ${KUBERNETES.module} v${KUBERNETES.version}\n\n${replaced.join('')}`,
  );
  fs.writeFileSync(
    path.join(folder, 'main.go'),
    'package main\n\nimport (\n\t"os"\n\n\t"k8s.io/component-base/cli"\n\t"k8s.io/kubernetes/cmd/kube-apiserver/app"\n)\n\n' +
      'func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }\n',
  );
}
