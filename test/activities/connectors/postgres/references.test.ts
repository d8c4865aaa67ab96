import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, describe, expect, it } from 'vitest';

import {
  resolveOwnReference,
  resolveTargetReference,
  unreadableReferences,
} from '../../../../activities/connectors/references.ts';
import { TARGET } from '../../../domain/examples.ts';
import { compiled } from '../../../stack/databases.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyturn-references-')));
// Others than its owner look into it as well.
chmodSync(folder, 0o755);
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

const MODULE = pathToFileURL(compiled('activities/connectors/references.js')).href;

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
    ['env:KEYTURN_TARGET_ABSENT', 'is not there'],
    ['env:KEYTURN_TARGET_EMPTY', 'is empty'],
    [`file:${targets}/absent`, 'is not there'],
    [`file:${targets}/url/below`, 'is not there'],
    [`file:${targets}/empty`, 'is empty'],
    [`file:${targets}/large`, 'is no file of at most 64 KiB'],
    [`file:${targets}/inner`, 'is no file of at most 64 KiB'],
  ])('is named where it has no value, with the reason: %s', async (reference, reason) => {
    await expect(resolveTargetReference(reference, ENVIRONMENT)).rejects.toMatchObject({
      code: 'unavailable',
      message: `The credential reference ${reference} has no value here: it ${reason}.`,
    });
  });

  it('tells a file that this user may not read from one that is not there', async () => {
    // Of this attempt alone: another one may have been made before.
    const own = mkdtempSync(join(targets, 'closed-'));
    chmodSync(own, 0o755);
    const closed = join(own, 'url');
    writeFileSync(closed, 'my-secret', { mode: 0 });
    mkdirSync(join(own, 'shut'), { mode: 0 });
    // Root may read anything, so another user does.
    const asked = `
      if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
      for (const reference of process.argv.slice(1))
        await resolveTargetReference(reference).catch((error) => console.log(error.message));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { resolveTargetReference } from ${JSON.stringify(MODULE)}; ${asked}`,
        `file:${closed}`,
        `file:${own}/shut/url`,
      ],
      { env: { KEYTURN_REFERENCE_FOLDERS: targets } },
    );
    expect(stdout.match(/may not be read by the user of this process \(uid \d+\)/g)).toHaveLength(2);
    expect(stdout).not.toContain('my-secret');
  });

  it('names the variable of the folders where it is in none of them', async () => {
    await expect(resolveTargetReference('file:/etc/hostname', ENVIRONMENT)).rejects.toThrow(
      'KEYTURN_REFERENCE_FOLDERS',
    );
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
