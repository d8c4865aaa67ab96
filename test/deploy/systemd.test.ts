import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';
import { exists, filesBelow, read } from '../docs/documents.ts';
import { knownVariables, readEnvironmentOf } from './programs.ts';

const units = filesBelow('deploy/systemd');
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasAnalyze) process.stderr.write('SKIPPED: no systemd-analyze is on PATH to check the units with.\n');

it('there is a unit for each program that keeps running', () => {
  const programs = units.map((unit) => valuesOf(unit, 'ExecStart')[0]?.split(' ')[1]);
  expect(programs).toEqual(['dist/apps/api/main.js', 'dist/apps/worker/main.js']);
});

describe.each(units)('%s', (unit) => {
  const program = valuesOf(unit, 'ExecStart')[0]?.split(' ')[1] ?? '';
  const variables: Record<string, string> = Object.fromEntries(
    valuesOf(unit, 'Environment').map((line) => line.split('=')),
  );

  it('starts a program that is compiled, with variables that it knows', () => {
    expect(exists(program.replace(/^dist\/(.*)\.js$/, '$1.ts'))).toBe(true);
    const known = knownVariables();
    expect(Object.keys(variables).filter((name) => !known.has(name))).toEqual([]);
  });

  it('sets all that the program requires and that its environment files do not', () => {
    const fromFiles = { KEYTURN_DATABASE_URL: 'postgres://database', TEMPORAL_ADDRESS: 'temporal:7233' };
    expect(() => readEnvironmentOf[program]?.({ ...variables, ...fromFiles })).not.toThrow();
  });

  it('hands over each key that it names, by files that compose/secrets.sh makes, and no other', () => {
    const handed = valuesOf(unit, 'LoadCredential').map((line) => line.split(':'));
    const used = Object.values(variables).filter((value) => value.startsWith('%d/'));
    const names = handed.map(([name = '']) => name);
    expect(used.map((value) => value.slice(3)).sort()).toEqual(names.sort());
    for (const [name, file] of handed) {
      expect(file).toBe(`/etc/keyturn/secrets/${name}`);
      expect(read('compose/secrets.sh')).toContain(`put ${name}\n`);
    }
  });

  it.skipIf(!hasAnalyze)('is what systemd accepts', () => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', path.join(root, unit)], { encoding: 'utf8' });
    // The program and the user are those of another machine.
    const complaints = stderr.split('\n').filter((line) => line.includes(path.basename(unit)));
    expect(
      complaints.filter((line) => !/\/usr\/bin\/node|not executable|Failed to prepare/.test(line)),
    ).toEqual([]);
  });
});

function valuesOf(unit: string, key: string): string[] {
  return [...read(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => String(match[1]));
}
