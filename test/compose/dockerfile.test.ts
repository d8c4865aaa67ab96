import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';
import { filesBelow } from '../docs/documents.ts';

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

const KNOWN = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);

/** What the image is compiled from and runs, but for the console, which is bundled with all that it imports. */
const PROGRAM_FOLDERS = [
  'contract',
  'policy-authoring',
  'policy-files',
  'domain',
  'configuration',
  'activities',
  'workflows',
  'database',
  'sdk',
];
/** Named in no import of ours: looked for by NestJS and Temporal's client, or required by name. */
const LOADED_OTHERWISE = ['@nestjs/platform-express', 'rxjs', 'protobufjs', 'libpg-query'];

const instructions = readInstructions();
const final = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));

it('holds only instructions that exist', () => {
  expect(instructions.filter(({ name }) => !KNOWN.has(name))).toEqual([]);
});

it('runs on the very Node that the tests run on, on slim Debian', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
  const bases = instructions.filter(({ name }) => name === 'FROM').map(({ rest }) => rest.split(' ')[0]);
  expect(bases).toHaveLength(2);
  for (const base of bases) expect(base).toBe(`node:${devDependencies['node']}-bookworm-slim`);
});

it('has all packages that programs import, and no other', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const programs = filesBelow('apps').filter((file) => !file.startsWith('apps/console/'));
  const imported = [...PROGRAM_FOLDERS.flatMap(filesBelow), ...programs]
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...read(file).matchAll(
        /^(?:import|export|\}).* from '([^.'][^']*)';$|^import '([^.'][^']*)';$|import\('([^.'][^']*)'\)/gm,
      ),
    ])
    .map(([, from, bare, later]) => String(from ?? bare ?? later))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'))
    .filter((name) => !name.startsWith('node:'));
  const needed = new Set([...imported, ...LOADED_OTHERWISE]);
  expect([...needed].filter((name) => !(name in dependencies))).toEqual([]);
  expect(Object.keys(dependencies).filter((name) => !needed.has(name))).toEqual([]);
});

it('runs as somebody who is not root and does not own the files', () => {
  const user = final.findIndex(({ name }) => name === 'USER');
  expect(final[user]?.rest).toBe('node');
  expect(final.slice(user).some(({ name }) => name === 'COPY' || name === 'RUN')).toBe(false);
  expect(read('Dockerfile')).not.toMatch(/--chown|chmod/);
});

it('says how it is, and starts a program that is compiled', () => {
  expect(final.some(({ name }) => name === 'HEALTHCHECK')).toBe(true);
  expect(final.find(({ name }) => name === 'ENTRYPOINT')?.rest).toBe('["node"]');
  expect(final.find(({ name }) => name === 'CMD')?.rest).toBe('["dist/apps/api/main.js"]');
});

it('copies only files that exist and that the build may see', () => {
  const copied = instructions
    .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
    .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1))
    .filter((source) => source !== '.');
  expect(copied.length).toBeGreaterThan(0);
  for (const source of copied) {
    expect(fs.existsSync(path.join(root, source)), source).toBe(true);
    expect(allowed(), source).toContain(source);
  }
});

it('lets the build see sources only: no secret, no data, no environment file', () => {
  const [first, ...rest] = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(first).toBe('*');
  expect(rest.filter((line) => !line.startsWith('!'))).toContain('**/.env*');
  for (const source of allowed()) expect(fs.existsSync(path.join(root, source)), source).toBe(true);
  expect(allowed().filter((source) => /keyturn|secret|env|node_modules|\.git/.test(source))).toEqual([]);
});

function allowed(): string[] {
  return read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
}

function readInstructions(): Instruction[] {
  return read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(' ');
      return { name, rest: rest.join(' ') };
    });
}

function read(name: string): string {
  return fs.readFileSync(path.join(root, name), 'utf8');
}
