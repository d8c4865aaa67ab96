import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { readScim } from '../../apps/api/scim/authorities.ts';
import { root } from '../../scripts/servers/root.ts';
import { searchAttributes } from '../../workflows/messages.ts';
import { FULL_TEMPORAL_VERSION } from '../stack/full-temporal-program.ts';
import { bindsOf, lasting, oneShots, readComposeFile, type Service } from './compose-file.ts';

const file = readComposeFile();
const services = Object.entries(file.services);

it('asks for the settings that have no safe default', () => {
  expect(() => readComposeFile({})).toThrow(/name the folder of your policy files/);
  expect(() => readComposeFile({ KEYTURN_POLICIES: './policies' })).toThrow(/name your issuers\.yaml/);
});

it.each(services)('pins the image of %s', (_name, { image }) => {
  expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+/);
});

it('builds the image once, under the version of the package, and looks for it in no registry', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const ours = services.filter(([, { image }]) => image === `keyturn:${version}`);
  expect(ours.map(([name]) => name).sort()).toEqual(['api', 'migrate', 'policy', 'worker']);
  for (const [, service] of ours) expect(service.pull_policy).toBe('never');
  expect(services.filter(([, { build }]) => build !== undefined).map(([name]) => name)).toEqual(['migrate']);
});

it('runs the Temporal server and the tools of one release, which is the one that the tests run', () => {
  for (const image of ['temporalio/server', 'temporalio/admin-tools']) {
    const used = services.filter(([, service]) => service.image.startsWith(`${image}:`));
    expect(used.length).toBeGreaterThan(0);
    for (const [, service] of used) expect(service.image).toBe(`${image}:${FULL_TEMPORAL_VERSION}`);
  }
});

it('publishes ports on loopback only', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? []);
  expect(ports.length).toBeGreaterThan(0);
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
});

it('publishes neither a database nor the Temporal server', () => {
  const published = services.filter(([, service]) => service.ports !== undefined).map(([name]) => name);
  expect(published.sort()).toEqual(['api', 'temporal-ui']);
});

it('gives every service a health check, or lets it end and somebody wait for its end', () => {
  for (const [name, service] of lasting(file)) expect(service.healthcheck?.test, name).toBeDefined();
  for (const [name] of oneShots(file)) {
    const waiting = services.filter(
      ([, other]) => conditionOn(other, name) === 'service_completed_successfully',
    );
    expect(waiting.length, name).toBeGreaterThan(0);
  }
});

it('waits for health of what keeps running and for success of what ends', () => {
  const ending = new Set(oneShots(file).map(([name]) => name));
  for (const [name, service] of services) {
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      const expected = ending.has(needed) ? 'service_completed_successfully' : 'service_healthy';
      expect(condition, `${name} on ${needed}`).toBe(expected);
    }
  }
});

it.each(['api', 'worker'])('gives %s longer to stop than it takes to drain', (name) => {
  const { stop_grace_period: grace } = service(name);
  const force = /SHUTDOWN_FORCE = '(\d+) seconds'/.exec(read('apps/worker/main.ts'))?.[1];
  expect(Number.parseInt(grace ?? '', 10)).toBeGreaterThan(Number(force));
});

it.each(services)('runs %s without rights over its own files, within limits', (name, confined) => {
  expect(confined).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    cpus: 1,
    logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '5' } },
  });
  expect(confined.mem_limit).toMatch(/^\d+[mg]$/);
  expect(confined.pids_limit).toBeGreaterThan(0);
  if (name !== 'postgres') expect(confined.cap_add).toBeUndefined();
});

it('makes no folder in the place of a path that does not exist, and lets nobody write to what is mounted', () => {
  const binds = services.flatMap(([, mounting]) => bindsOf(mounting));
  expect(binds.length).toBeGreaterThan(6);
  for (const bind of binds)
    expect(bind).toMatchObject({ read_only: true, bind: { create_host_path: false } });
  const named = services
    .flatMap(([, { volumes }]) => volumes ?? [])
    .filter((volume) => typeof volume === 'string');
  expect(named).toEqual(['postgres-data:/var/lib/postgresql']);
});

it('has every setting in compose/example.env, and no other', () => {
  const used = [...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map((match) => String(match[1]));
  const shown = [...read('compose/example.env').matchAll(/^(?:# )?([A-Z_]+)=/gm)].map((match) =>
    String(match[1]),
  );
  expect([...shown].sort()).toEqual([...new Set(used)].sort());
});

it('shows a target as its worker can reach one', () => {
  const { connection } = parse(read('compose/policy.example/targets/shop-production.yaml')) as {
    connection: { url: string };
  };
  const [folder] = bindsOf(service('worker')).map(({ target }) => target);
  expect(connection.url).toBe(`file:${folder}/shop`);
  expect(folder).toBe('/run/targets');
});

it('lets databases and Temporal reach nothing outside', () => {
  expect(file.networks['database']).toEqual({ internal: true });
  expect(file.networks['temporal']).toEqual({ internal: true });
  expect(service('postgres').networks).toEqual(['database']);
  expect(service('temporal').networks).toEqual(['database', 'temporal']);
});

it('shows the signing key to the API only and credentials of targets to the worker only', () => {
  const holders = (name: string): string[] =>
    services.filter(([, { secrets }]) => secrets?.includes(name)).map(([holder]) => holder);
  expect(holders('signing.jwk.json')).toEqual(['api']);
  expect(holders('api.env')).toEqual(['api']);
  expect(holders('worker.env').sort()).toEqual(['policy', 'worker']);
  expect(holders('migrate.env')).toEqual(['migrate']);
  const targets = services.filter(([, holder]) =>
    bindsOf(holder).some(({ target }) => target === '/run/targets'),
  );
  expect(targets.map(([name]) => name)).toEqual(['worker']);
});

it('writes no password into the file', () => {
  for (const [name, { environment }] of services) {
    const named = Object.entries(environment ?? {}).filter(([key]) =>
      /PASSWORD|PWD|SECRET|DATABASE_URL/.test(key),
    );
    for (const [key, value] of named) expect(value, `${name}: ${key}`).toMatch(/^\/run\/secrets\//);
  }
});

it('mounts only files that exist', () => {
  const sources = services.flatMap(([, mounting]) => bindsOf(mounting)).map(({ source }) => source);
  for (const source of sources.filter((candidate) => candidate.startsWith('./compose'))) {
    expect(fs.existsSync(path.join(root, source)), source).toBe(true);
  }
});

it('lets nobody provision people until a file says who may', async () => {
  expect(service('api').environment?.['KEYTURN_SCIM']).toBe('/etc/keyturn/scim.yaml');
  const mounted = bindsOf(service('api')).find(({ target }) => target === '/etc/keyturn/scim.yaml');
  expect(mounted?.source).toBe('./compose/scim.none.yaml');
  const authorities = await readScim(path.join(root, 'compose/scim.none.yaml'));
  expect(authorities.isConfigured).toBe(false);
});

it('lets the Temporal CLI ask the name server for an address and nothing else', () => {
  expect(service('temporal-namespace').environment?.['TEMPORAL_ADDRESS']).toBe(
    'passthrough:///temporal:7233',
  );
});

it('makes every search attribute that workflows write, and no other', () => {
  const script = read('compose/temporal/namespace.sh');
  const made = /^SEARCH_ATTRIBUTES='(.*)'$/m.exec(script)?.[1]?.split(' ') ?? [];
  const written = Object.values(searchAttributes).map(({ name, type }) => `${name}=${capitalised(type)}`);
  expect(made.sort()).toEqual(written.sort());
});

function conditionOn(other: Service, name: string): string | undefined {
  return other.depends_on?.[name]?.condition;
}

function service(name: string): Service {
  const found = file.services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}.`);
  return found;
}

/** `DATETIME` → `Datetime`, the way the Temporal CLI spells types. */
function capitalised(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1).toLowerCase();
}

function read(name: string): string {
  return fs.readFileSync(path.join(root, name), 'utf8');
}
