import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { generateKeyPairSync } from 'node:crypto';

import { freePort } from '../../../scripts/servers/ports.ts';
import { startProcess, waitUntilReady } from '../../../scripts/servers/process.ts';
import type { Programs } from './programs.ts';

const TOKEN = 'for-this-test-only';

/** What the server said to one object. */
export interface Taken {
  readonly status: number;
  readonly warnings: readonly string[];
  readonly message: string;
}

/** A real API server of Kubernetes with its store, and nothing that would run a pod. */
export interface ApiServer {
  /** Sends an object; with `isDryRun` the server goes through all it does to it, and forgets it. */
  send(object: KubernetesObject, isDryRun: boolean): Promise<Taken>;
  stop(): Promise<void>;
}

/** As much of an object as says where it goes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Starts both in a folder. */
export async function startApiServer(programs: Programs, folder: string): Promise<ApiServer> {
  const [store, peer, port] = [await freePort(), await freePort(), await freePort()];
  const etcd = startProcess({
    name: 'etcd',
    command: [
      programs.etcd,
      `--data-dir=${folder}/etcd`,
      `--listen-client-urls=http://127.0.0.1:${store}`,
      `--advertise-client-urls=http://127.0.0.1:${store}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
    ],
    logFile: path.join(folder, 'etcd.log'),
  });
  const server = startProcess({
    name: 'kube-apiserver',
    command: [programs.apiServer, ...optionsOf(folder, store, port)],
    logFile: path.join(folder, 'kube-apiserver.log'),
  });
  const call = caller(port, path.join(folder, 'certificates', 'apiserver.crt'));
  await waitUntilReady(server, async () => (await call('GET', '/readyz')).status === 200, 180_000);
  return {
    send: (object, isDryRun) => send(call, object, isDryRun),
    stop: async () => {
      await server.stop();
      await etcd.stop();
    },
  };
}

function optionsOf(folder: string, store: number, port: number): string[] {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = path.join(folder, 'service-accounts.key');
  fs.writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  const tokens = path.join(folder, 'tokens.csv');
  fs.writeFileSync(tokens, `${TOKEN},admin,admin,system:masters\n`, { mode: 0o600 });
  return [
    `--etcd-servers=http://127.0.0.1:${store}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}/certificates`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--service-cluster-ip-range=10.0.0.0/24',
  ];
}

type Caller = (method: string, url: string, body?: object) => Promise<Taken>;

function caller(port: number, certificate: string): Caller {
  return (method, url, body) =>
    new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: '127.0.0.1',
          port,
          path: url,
          method,
          ca: fs.existsSync(certificate) ? fs.readFileSync(certificate) : undefined,
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on('end', () => {
            const warnings = [response.headers['warning'] ?? []].flat();
            resolve({ status: response.statusCode ?? 0, warnings, message: text });
          });
        },
      );
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

function send(call: Caller, object: KubernetesObject, isDryRun: boolean): Promise<Taken> {
  const group = object.apiVersion === 'v1' ? '/api/v1' : `/apis/${object.apiVersion}`;
  const { namespace } = object.metadata;
  const prefix = namespace === undefined ? group : `${group}/namespaces/${namespace}`;
  const query = `?fieldValidation=Strict${isDryRun ? '&dryRun=All' : ''}`;
  return call('POST', `${prefix}/${pluralOf(object.kind)}${query}`, object);
}

function pluralOf(kind: string): string {
  return kind.toLowerCase().replace(/y$/, 'ie') + 's';
}
