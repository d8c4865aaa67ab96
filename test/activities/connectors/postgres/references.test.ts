import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import {
  resolveOwnReference,
  resolveTargetReference,
  unreadableReferences,
} from '../../../../activities/connectors/references.ts';
import { TARGET } from '../../../domain/examples.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyturn-references-')));
const targets = join(folder, 'targets');
const linked = join(folder, 'linked');
mkdirSync(join(targets, 'inner'), { recursive: true });
mkdirSync(join(folder, 'targets-of-others'));
symlinkSync(targets, linked);
writeFileSync(join(targets, 'url'), 'postgres://from-a-file\n');
writeFileSync(join(targets, 'empty'), '\n');
writeFileSync(join(targets, 'large'), 'x'.repeat(64 * 1024 + 1));
writeFileSync(join(folder, 'sealing.key'), 'my-secret');
writeFileSync(join(folder, 'targets-of-others', 'url'), 'my-secret');
symlinkSync(join(targets, 'url'), join(targets, 'inner', 'link'));
symlinkSync(join(folder, 'sealing.key'), join(targets, 'escape'));
symlinkSync(folder, join(targets, 'up'));

const ENVIRONMENT = {
  KEYTURN_REFERENCE_FOLDERS: `/nowhere:${targets}/:${linked}`,
  KEYTURN_TARGET_SHOP_URL: 'postgres://from-the-environment',
  KEYTURN_TARGET_EMPTY: '',
  KEYTURN_DATABASE_URL: 'my-secret',
  keyturn_target_lower: 'my-secret',
  PATH: 'my-secret',
};

afterAll(() => rmSync(folder, { recursive: true }));

describe('a reference of a target', () => {
  it.each([
    ['env:KEYTURN_TARGET_SHOP_URL', 'postgres://from-the-environment'],
    [`file:${targets}/url`, 'postgres://from-a-file'],
    [`file:${targets}/inner/link`, 'postgres://from-a-file'],
    [`file:${linked}/url`, 'postgres://from-a-file'],
  ])('reads what is made for targets: %s', async (reference, value) => {
    expect(await resolveTargetReference(reference, ENVIRONMENT)).toBe(value);
  });

  it.each([
    'env:KEYTURN_TARGET_ABSENT',
    'env:KEYTURN_TARGET_EMPTY',
    `file:${targets}/absent`,
    `file:${targets}/empty`,
    `file:${targets}/large`,
    `file:${targets}/inner`,
  ])('is named where it has no value: %s', async (reference) => {
    await expect(resolveTargetReference(reference, ENVIRONMENT)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(reference),
    });
  });

  it.each([
    'env:KEYTURN_DATABASE_URL',
    'env:PATH',
    'env:',
    'env:KEYTURN_TARGET_',
    'env:keyturn_target_lower',
    'ENV:KEYTURN_TARGET_SHOP_URL',
    ' env:KEYTURN_TARGET_SHOP_URL',
    'env:KEYTURN_TARGET_SHOP_URL\n',
    'env:KEYTURN_TARGET_SHOP_URL\0',
    'env:KEYTURN_TARGET_X=KEYTURN_DATABASE_URL',
    'env://KEYTURN_TARGET_SHOP_URL',
    'file:',
    'file:url',
    'file:./url',
    `file://${targets}/url`,
    `FILE:${targets}/url`,
    `file:${folder}/sealing.key`,
    `file:${folder}/targets-of-others/url`,
    `file:${targets}`,
    `file:${targets}/`,
    `file:${targets}/../sealing.key`,
    `file:${targets}/./url`,
    `file:${targets}//url`,
    `file:${targets}/inner/../../sealing.key`,
    `file:${targets}/%2e%2e/sealing.key`,
    `file:${targets}/..%2fsealing.key`,
    `file:${targets}/..\\sealing.key`,
    `file:${targets}/url\0`,
    `file:${targets}/url\n`,
    `file:${targets}/url?x`,
    `file:${targets.toUpperCase()}/url`,
    `file:${targets}/escape`,
    `file:${targets}/up/sealing.key`,
    `file:${targets}/up/targets/url/../../../sealing.key`,
    'file:/proc/self/environ',
    'file:/dev/stdin',
    `data:,${targets}/url`,
    'https://example.com/url',
    'postgres://me:my-secret@host/db',
    'my-secret',
    '',
  ])('never reaches what the worker keeps for itself, nor repeats a secret: %j', async (reference) => {
    const value = resolveTargetReference(reference, ENVIRONMENT);
    await expect(value).rejects.toMatchObject({ code: 'policy_invalid' });
    await expect(value).rejects.not.toThrow(/my-secret/);
  });

  it('reads files of /run/targets only, where no folders are named', async () => {
    for (const KEYTURN_REFERENCE_FOLDERS of [undefined, '']) {
      const environment = { KEYTURN_REFERENCE_FOLDERS };
      const elsewhere = resolveTargetReference(`file:${targets}/url`, environment);
      await expect(elsewhere).rejects.toMatchObject({ code: 'policy_invalid' });
      const absent = resolveTargetReference('file:/run/targets/keyturn-test-absent', environment);
      await expect(absent).rejects.toMatchObject({ code: 'unavailable' });
    }
  });

  it('is found in a policy before anything is tried: files that this worker would not read', () => {
    const connection = {
      url: `file:${targets}/url`,
      mirrors: [{ url: 'file:/run/secrets/worker.env' }, { url: `file:${targets}-of-others/url` }],
    };
    expect(unreadableReferences([{ ...TARGET, id: 'shop', connection }], ENVIRONMENT)).toEqual([
      `target shop: file:/run/secrets/worker.env is not below /nowhere or ${targets} or ${linked}`,
      `target shop: file:${targets}-of-others/url is not below /nowhere or ${targets} or ${linked}`,
    ]);
  });
});

describe('a reference of a file that only operators write', () => {
  it('reads any variable or file, without the line end that editors add', async () => {
    expect(await resolveOwnReference('env:URL', { URL: 'token' })).toBe('token');
    expect(await resolveOwnReference(`file:${targets}/url`, {})).toBe('postgres://from-a-file');
  });

  it.each(['env:ABSENT', 'env:EMPTY', 'file:/no/such/file', `file:${folder}`])(
    'names what has no value: %s',
    async (reference) => {
      await expect(resolveOwnReference(reference, { EMPTY: '' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(reference),
      });
    },
  );

  it.each(['my-secret', 'env:', 'file:', ''])(
    'never repeats what may be the secret itself: %s',
    async (reference) => {
      const value = resolveOwnReference(reference, {});
      await expect(value).rejects.toMatchObject({ code: 'policy_invalid' });
      await expect(value).rejects.not.toThrow(/my-secret/);
    },
  );
});
