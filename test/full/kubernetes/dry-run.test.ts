import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { root } from '../../../scripts/servers/root.ts';
import { startApiServer, type ApiServer, type KubernetesObject } from './api-server.ts';
import { programs, reasonAgainst } from './programs.ts';

interface Workload extends KubernetesObject {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
}

const reason = reasonAgainst();
if (reason) say(`\n!!! SKIPPED, not tested: deploy/kubernetes on a real API server, because ${reason}.\n`);

let folder: string;
let server: ApiServer;
let objects: KubernetesObject[];

describe.skipIf(reason !== undefined)('deploy/kubernetes, on a real API server', () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-kubernetes-'));
    const built = await programs(say);
    const yaml = execFileSync(built.kustomize, ['build', path.join(root, 'deploy/kubernetes')], {
      encoding: 'utf8',
    });
    objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubernetesObject);
    server = await startApiServer(built, folder);
    // Where the rest goes, and whom pods run as, must be there.
    for (const object of objects.filter(({ kind }) => kind === 'Namespace' || kind === 'ServiceAccount')) {
      expect(await server.send(object, false)).toMatchObject({ status: 201, warnings: [] });
    }
  });

  afterAll(async () => {
    await server?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('is taken as it is, every field known, without a warning', async () => {
    const others = objects.filter(({ kind }) => kind !== 'Namespace' && kind !== 'ServiceAccount');
    expect(others.length).toBeGreaterThan(8);
    for (const object of others) {
      const taken = await server.send(object, true);
      expect(taken, `${object.kind} ${object.metadata.name}`).toMatchObject({ status: 201, warnings: [] });
    }
  });

  it('makes pods that are admitted where only restricted ones are', async () => {
    for (const object of objects.filter(isWorkload)) {
      const { metadata, spec } = object.spec.template;
      const names = { name: object.metadata.name, namespace: 'keyturn' };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, ...names }, spec };
      expect(await server.send(pod, true), names.name).toMatchObject({ status: 201, warnings: [] });
    }
  });

  it('would not be, were a container to ask for more', async () => {
    const worker = objects.filter(isWorkload).find(({ metadata }) => metadata.name === 'keyturn-worker');
    const spec = { ...worker?.spec.template.spec, hostNetwork: true };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'more', namespace: 'keyturn' }, spec };
    expect(await server.send(pod, true)).toMatchObject({
      status: 403,
      message: expect.stringContaining('restricted'),
    });
  });
});

function isWorkload(object: KubernetesObject): object is Workload {
  return object.kind === 'Deployment' || object.kind === 'Job';
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
