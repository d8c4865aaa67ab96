import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DeterminismViolationError } from '@temporalio/workflow';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';
import { observedBundle, readFixtures, replayAll, type Replayed } from '../histories/replay.ts';
import { PATHS } from '../histories/paths.ts';
import { compiled } from '../stack/databases.ts';

const fixtures = readFixtures();
let folder: string;

beforeAll(() => {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => {}),
    telemetryOptions: { logging: { filter: 'OFF' } },
  });
  folder = mkdtempSync(path.join(tmpdir(), 'keyturn-replay-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('recorded histories', () => {
  it('are there for every path', () => {
    expect(fixtures.map(({ name }) => name).sort()).toEqual(Object.keys(PATHS).sort());
    for (const { name, status } of fixtures) expect(status).toBe(PATHS[name]?.status);
  });

  it('replay against the bundle that workers start with', async () => {
    const replayed = await replayAll({ codePath: compiled('workflow-bundle.js') }, fixtures);
    expect(replayed.map(({ name, error }) => [name, error])).toEqual(
      fixtures.map(({ name }) => [name, null]),
    );
  });

  it('replay with the same arguments, the same timers and the same outcome', async () => {
    const replayed = await replayAll(await observedBundle(), fixtures);
    for (const fixture of fixtures) {
      const found = replayed.find(({ name }) => name === fixture.name);
      expect(found?.error).toBeNull();
      expect(found?.observations).toEqual(fixture.observations);
      expect(found?.observations.at(-1)).toEqual({ kind: 'completed', result: fixture.status });
    }
  });
});

describe('a changed workflow does not pass', () => {
  /** Replays all paths against a copy of today's compiled workflow code in which one text is replaced. */
  async function replayChanged(
    file: string,
    [text, replacement]: readonly [string, string],
    names: readonly string[],
  ): Promise<Replayed[]> {
    const copy = mkdtempSync(path.join(folder, 'changed-'));
    const compiledFolder = path.dirname(compiled('workflow-bundle.js'));
    for (const name of ['workflows', 'domain']) {
      cpSync(path.join(compiledFolder, name), path.join(copy, name), { recursive: true });
    }
    cpSync(path.join(root, 'package.json'), path.join(copy, 'package.json'));
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const patched = path.join(copy, file);
    const code = readFileSync(patched, 'utf8');
    expect(code).toContain(text);
    writeFileSync(patched, code.replace(text, replacement));
    const chosen = fixtures.filter(({ name }) => names.includes(name));
    return replayAll(await observedBundle(path.join(copy, 'workflows/index.js')), chosen);
  }

  it('when it waits where it did not wait', async () => {
    const replayed = await replayChanged(
      'workflows/privileged-action.js',
      [
        'await durable.receive(',
        'await new Promise((resolve) => setTimeout(resolve, 1000)); await durable.receive(',
      ],
      ['approve', 'expire'],
    );
    expect(replayed).toHaveLength(2);
    for (const { error } of replayed) expect(error).toBeInstanceOf(DeterminismViolationError);
  });

  it('when it calls another activity, on the paths where it does', async () => {
    const replayed = await replayChanged(
      'workflows/privileged-action.js',
      ['await performing.execute(', 'await durable.abandonPlanning({}); await performing.execute('],
      ['approve', 'drift', 'deny', 'expire'],
    );
    const broken = replayed.filter(({ error }) => error instanceof DeterminismViolationError);
    expect(broken.map(({ name }) => name).sort()).toEqual(['approve', 'drift']);
  });

  it.each([
    ['deadline', 'waitMsUntil(wakesAt)', '5_000 + waitMsUntil(wakesAt)'],
    ['argument', 'durable.expire({ step: ', 'durable.expire({ step: "x" + '],
  ])('when only a %s is another one, which replay itself does not see', async (_what, text, replacement) => {
    const [expired] = await replayChanged('workflows/await-decisions.js', [text, replacement], ['expire']);
    expect(expired?.error).toBeNull();
    const recorded = fixtures.find(({ name }) => name === 'expire');
    expect(expired?.observations).not.toEqual(recorded?.observations);
  });
});
