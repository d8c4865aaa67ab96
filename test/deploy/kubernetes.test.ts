import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

import { filesBelow, read } from '../docs/documents.ts';
import { knownVariables, readEnvironmentOf } from './programs.ts';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly Variable[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly terminationGracePeriodSeconds?: number;
      };
    };
  };
}

const FOLDER = 'deploy/kubernetes';
const kustomization = parse(read(`${FOLDER}/kustomization.yaml`)) as {
  resources: string[];
  images: { name: string; newTag: string }[];
};
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(read(`${FOLDER}/${file}`)).map((document) => document.toJS() as Manifest),
);
const workloads = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');

it('names every file of its folder', () => {
  const files = filesBelow(FOLDER).map((file) => file.slice(FOLDER.length + 1));
  expect(['kustomization.yaml', ...kustomization.resources].sort()).toEqual(files.sort());
});

it('runs the image under the version of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(kustomization.images).toEqual([{ name: 'keyturn', newTag: version }]);
  for (const workload of workloads) expect(containerOf(workload).image).toBe('keyturn');
});

it('runs what compose runs, and nothing writes a secret down', () => {
  expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual([
    'keyturn-api',
    'keyturn-migrate',
    'keyturn-worker',
  ]);
  expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
});

describe.each(workloads.map((workload) => [workload.metadata.name, workload] as const))(
  '%s',
  (_name, workload) => {
    const container = containerOf(workload);
    const environment = environmentOf(container);

    it('gets variables that its program knows, and all that it requires', () => {
      const known = knownVariables();
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
      const read = readEnvironmentOf[container.args[0] ?? ''];
      expect(read).toBeDefined();
      expect(() => read?.(environment)).not.toThrow();
    });

    it('gets its secrets under the names that compose/secrets.sh writes', () => {
      const references = container.env.flatMap(({ name, valueFrom }) =>
        valueFrom ? [[name, valueFrom.secretKeyRef]] : [],
      );
      for (const [name, reference] of references) {
        expect(reference).toEqual({ name: workload.metadata.name, key: name });
      }
      expect(references.length).toBeGreaterThan(0);
    });

    it('finds the files that its variables name where they are mounted, and cannot change them', () => {
      const mounts = container.volumeMounts ?? [];
      const files = container.env
        .filter(({ value }) => value?.startsWith('/'))
        .map(({ value }) => String(value));
      for (const file of files) {
        const mount = mounts.find(({ mountPath }) => file === mountPath || file.startsWith(`${mountPath}/`));
        expect(mount, file).toMatchObject({ readOnly: true });
      }
    });

    it('listens where its ports and probes say', () => {
      const ports = (container.ports ?? []).map(({ containerPort }) => String(containerPort));
      const named = container.env.filter(({ name }) => name.endsWith('_PORT')).map(({ value }) => value);
      expect(ports).toEqual(named);
    });
  },
);

it('shows the signing key to the API alone, and targets to workers alone', () => {
  const holders = (secret: string): string[] =>
    workloads
      .filter((workload) => JSON.stringify(workload).includes(`"${secret}"`))
      .map(({ metadata }) => metadata.name);
  expect(holders('keyturn-signing')).toEqual(['keyturn-api']);
  expect(holders('keyturn-targets')).toEqual(['keyturn-worker']);
  expect(holders('keyturn-keys')).toEqual(['keyturn-api', 'keyturn-worker']);
});

it('gives workers longer to stop than they take to drain', () => {
  const force = Number(/SHUTDOWN_FORCE = '(\d+) seconds'/.exec(read('apps/worker/main.ts'))?.[1]);
  const worker = workloads.find(({ metadata }) => metadata.name === 'keyturn-worker');
  expect(worker?.spec?.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(force);
});

function containerOf(workload: Manifest): Container {
  const [container] = workload.spec?.template.spec.containers ?? [];
  if (!container) throw new Error(`${workload.metadata.name} has no container.`);
  return container;
}

/** What the container finds in its environment, with something in the place of each secret. */
function environmentOf(container: Container): NodeJS.ProcessEnv {
  const maps = (container.envFrom ?? []).map(({ configMapRef }) => configMapRef.name);
  const shared = manifests.filter(
    ({ kind, metadata }) => kind === 'ConfigMap' && maps.includes(metadata.name),
  );
  const own = container.env.map(({ name, value }) => [name, value ?? 'postgres://from-a-secret']);
  return Object.assign({}, ...shared.map(({ data }) => data), Object.fromEntries(own)) as NodeJS.ProcessEnv;
}
