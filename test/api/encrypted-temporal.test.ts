import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { testFolder } from '../stack/temporal.ts';

/** A Temporal server behind mutual TLS, as most installations beyond one machine have it. */

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: mutual TLS needs openssl, which is not on PATH.\n');

const run = promisify(execFile);
let folder: string;

/** An authority, and a server's and a client's certificate of it. */
async function makeCertificates(): Promise<void> {
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
  );
  for (const [name, subject] of [
    ['server', '/CN=temporal.example'],
    ['client', '/CN=keyturn'],
  ] as const) {
    await openssl('req', ...key, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    fs.writeFileSync(path.join(folder, `${name}.ext`), 'subjectAltName=DNS:temporal.example\n');
    const signed = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
    ];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
}

function file(name: string): string {
  return path.join(folder, name);
}

/** Ends TLS in front of a server; knows clients by their certificates only. */
class Front {
  readonly #server: tls.Server;
  readonly #open = new Set<net.Socket>();
  /** Whose certificates were seen. */
  readonly clients = new Set<string>();
  upstream = '';

  constructor() {
    this.#server = tls
      .createServer(
        {
          cert: fs.readFileSync(file('server.pem')),
          key: fs.readFileSync(file('server.key')),
          ca: fs.readFileSync(file('ca.pem')),
          requestCert: true,
          rejectUnauthorized: true,
          ALPNProtocols: ['h2'],
        },
        (client) => this.#join(client),
      )
      .on('tlsClientError', () => undefined);
  }

  #join(client: tls.TLSSocket): void {
    this.clients.add(String(client.getPeerCertificate().subject.CN));
    const [host, port] = this.upstream.split(':');
    const server = net.connect(Number(port), host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.pipe(to);
    }
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.skipIf(!hasOpenssl)('a Temporal server behind mutual TLS', () => {
  let stack: Stack;
  let front: Front;

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(testFolder(), 'tls-'));
    await makeCertificates();
    front = new Front();
    const port = await front.listen();
    stack = await startStack({
      isStarted: false,
      env: {
        TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
        TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
        TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
        TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key'),
      },
    });
    front.upstream = stack.temporalService.address;
    await Promise.all([...stack.apis, ...stack.workers].map((program) => program.start()));
  });

  afterAll(async () => {
    await stack.stop();
    await front.close();
  });

  it('is used by API, worker and replay, which prove who they are', async () => {
    const [agent, olga] = await Promise.all([
      stack.issuer.agentToken('agent-billing'),
      stack.issuer.humanToken('olga'),
    ]);
    const statement = 'update account set credit_limit = credit_limit + 1 where id = 1001';
    const body = { action: 'postgres.execute', target: 'shop', arguments: { statement } };
    const request = await stack.request<RequestView>(agent, body);
    expect(request.body.status).toBe('pending');
    expect((await stack.decide(olga, request.body.id)).status).toBe(200);
    await stack.waitForStatus(request.body.id, 'succeeded');
    const { code, stdout } = await stack.cli(['replay', request.body.id]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('1 replayed, 0 different')]);
    expect([...front.clients]).toEqual(['keyturn']);
  });

  it('is not used by a process without a certificate', async () => {
    const without = { TEMPORAL_TLS_CLIENT_CERT_PATH: '', TEMPORAL_TLS_CLIENT_KEY_PATH: '' };
    const { code, stderr } = await stack.cli(['replay', '--all'], without);
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be reached')]);
  });
});
