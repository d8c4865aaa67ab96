import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../../contract/requests.ts';
import { waitFor } from '../../stack/wait.ts';
import { read } from '../../docs/documents.ts';
import { reasonAgainstEngine, startEngine, type Engine } from './engine.ts';
import { provideImages } from './images.ts';
import { Installation } from './installation.ts';

const reason = reasonAgainstEngine();
if (reason) say(`\n!!! SKIPPED, not tested: docker-compose.yml was not started, because ${reason}.\n`);

const RESTARTING = ['postgres', 'temporal', 'temporal-ui', 'api', 'worker'];

let engine: Engine;
let keyturn: Installation;

describe.skipIf(reason !== undefined)('the installation that docker-compose.yml makes', () => {
  beforeAll(async () => {
    engine = await startEngine(say);
    await provideImages(engine, say);
    keyturn = await Installation.prepare(engine);
    const [start = ''] = shellBlocks('## 2. With compose');
    const up = start.indexOf('docker compose up');
    await keyturn.paste(start.slice(0, up));
    await keyturn.configure();
    say('Building the image and starting everything.');
    await keyturn.paste(start.slice(up));
    await keyturn.untilReady();
    await keyturn.makeTarget();
  });

  afterAll(async () => {
    await keyturn?.compose('down', '--volumes', '--timeout', '5').catch(() => undefined);
    await engine?.stop();
  });

  it('takes a request, shows it to a reviewer, and executes what was approved', async () => {
    await approve(await ask(1042, 5000));
    expect(await limitOf(1042)).toBe('5000.00');
  });

  it('runs as many workers as the settings say, and still does after the next `up`', async () => {
    await keyturn.compose('up', '--detach');
    expect((await containers('worker')).length).toBe(2);
  });

  it('shows figures of every API and worker to what joins the network for them', async () => {
    for (const address of ['api:7086', 'worker:7081']) {
      const script = `fetch('http://${address}/metrics').then((r) => r.text()).then((t) => console.log(t))`;
      const network = '--network=keyturn-metrics';
      expect(await engine.docker(['run', '--rm', network, 'keyturn:0.1.0', '-e', script])).toContain(
        'keyturn_',
      );
    }
  });

  it('writes lines of JSON, one for each thing that happened, and none for its own health checks', async () => {
    for (const name of ['api', 'worker']) {
      const lines = (await keyturn.compose('logs', '--no-log-prefix', name))
        .split('\n')
        .filter((line) => line !== '');
      const entries = lines.map((line) => JSON.parse(line) as { route?: string; status?: number });
      expect(entries.filter(({ route, status }) => route === '/readyz' && status === 200)).toEqual([]);
    }
  });

  it.each(RESTARTING)('comes back by itself after `kill -9` of %s, with what was open', async (name) => {
    const open = await ask(1001, RESTARTING.indexOf(name) + 100);
    for (const id of await containers(name)) await kill9(id);
    await untilHealthy(name);
    await keyturn.untilReady();
    await approve(open);
  });

  it('is upgraded one service at a time, with a request open', async () => {
    const before = await containers('worker', 'api');
    const open = await ask(1003, 4000);
    fs.appendFileSync(path.join(keyturn.folder, 'compose/healthcheck.mjs'), '// another build\n');
    const [upgrade = ''] = shellBlocks('### With compose, one service at a time');
    await keyturn.paste(upgrade);
    await untilHealthy('api');
    await keyturn.untilReady();
    expect((await containers('worker', 'api')).filter((id) => before.includes(id))).toEqual([]);
    await approve(open);
    expect(await limitOf(1003)).toBe('4000.00');
  });

  it('is restored from a backup into an empty cluster, with a request open', async () => {
    const open = await ask(1004, 3000);
    const [backup = '', restore = ''] = shellBlocks('## 10. Backup and restore');
    await keyturn.paste(backup);
    await keyturn.compose('down', '--volumes');
    await keyturn.paste(restore);
    await keyturn.untilReady();
    await keyturn.makeTarget();
    expect((await show(open.id)).status).toBe('pending');
    await approve(open);
    expect(await limitOf(1004)).toBe('3000.00');
  });

  it.each(['KEYTURN_ISSUERS_FILE', 'KEYTURN_POLICIES', 'KEYTURN_TARGETS', 'KEYTURN_SCIM_FILE'])(
    'names the path and makes no folder where %s is misspelt',
    async (variable) => {
      const options = { cwd: keyturn.folder, environment: { [variable]: './misspelt' } };
      const up = engine.docker(['compose', 'up', '--detach', '--no-build'], options);
      await expect(up).rejects.toThrow(/misspelt/);
      expect(fs.existsSync(path.join(keyturn.folder, 'misspelt'))).toBe(false);
    },
  );
});

/** An agent asks to change a credit limit; answers once a reviewer can see the plan. */
async function ask(account: number, limit: number): Promise<RequestView> {
  const body = {
    action: 'postgres.execute',
    target: 'shop-production',
    arguments: { statement: `update account set credit_limit = ${limit} where id = ${account}` },
    claims: { justification: 'Agreed with the customer.' },
  };
  const headers = { 'idempotency-key': `${account}-${limit}-${Date.now()}`, prefer: 'wait=30' };
  const made = await keyturn.send<RequestView>('agent-billing', { path: '/v1/requests', body, headers });
  return waitForStatus(made.id, 'pending');
}

/** Agrees to what is shown until it is done: where rows have moved meanwhile, another plan is shown. */
async function approve({ id }: RequestView): Promise<void> {
  let agreed: string | null = null;
  await waitFor({
    what: `${id} to be executed`,
    withinMs: 300_000,
    check: async () => {
      const { status, decision_digest } = await show(id);
      if (status === 'pending' && decision_digest !== agreed) {
        const body = { verdict: 'approve', decision_digest, reason: 'Matches the ticket.' };
        await keyturn.send('olga', { path: `/v1/requests/${id}/decisions`, body });
        agreed = decision_digest;
      }
      return status === 'succeeded' ? true : undefined;
    },
    explain: async () => JSON.stringify(await show(id)),
  });
}

async function show(id: string): Promise<RequestView> {
  const { status, body } = await keyturn.http<RequestView>('olga', { path: `/v1/requests/${id}` });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

function waitForStatus(id: string, status: string): Promise<RequestView> {
  return waitFor({
    what: `${id} to be ${status}`,
    withinMs: 300_000,
    check: async () => {
      const shown = await show(id).catch(() => undefined);
      return shown?.status === status ? shown : undefined;
    },
    explain: async () => JSON.stringify(await show(id)),
  });
}

function limitOf(account: number): Promise<string> {
  return keyturn.psql('shop', `select credit_limit from account where id = ${account}`);
}

/** Ids of the running containers of services. */
async function containers(...names: readonly string[]): Promise<string[]> {
  return (await keyturn.compose('ps', '--quiet', ...names)).split('\n').filter((id) => id !== '');
}

/** By the number that the machine knows the process by: an engine that is asked to kill does not start it again. */
async function kill9(container: string): Promise<void> {
  const pid = Number(await engine.docker(['inspect', '--format={{.State.Pid}}', container]));
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, 'SIGKILL');
}

async function untilHealthy(name: string): Promise<void> {
  await waitFor({
    what: `${name} to be healthy`,
    withinMs: 600_000,
    check: async () => {
      const states = await Promise.all((await containers(name)).map(healthOf));
      return states.length > 0 && states.every((state) => state === 'healthy') ? true : undefined;
    },
    explain: () => keyturn.compose('logs', '--tail=20', name),
  });
}

async function healthOf(container: string): Promise<string> {
  return (await engine.docker(['inspect', '--format={{.State.Health.Status}}', container])).trim();
}

/** The blocks of shell below a heading of the operating manual. */
function shellBlocks(heading: string): string[] {
  const manual = read('docs/operating.md');
  const rest = manual.slice(manual.indexOf(`\n${heading}\n`) + heading.length + 2);
  const section = rest.slice(0, /^#{2,3} /m.exec(rest)?.index ?? rest.length);
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => String(match[1]));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
