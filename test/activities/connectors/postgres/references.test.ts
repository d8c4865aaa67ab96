import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { resolveReference } from '../../../../activities/connectors/references.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-references-'));
const file = join(folder, 'url');
writeFileSync(file, 'postgres://from-a-file\n');

afterAll(() => rmSync(folder, { recursive: true }));

describe('a credential reference', () => {
  it('reads the environment or a file, without the line end that editors add', async () => {
    expect(await resolveReference('env:URL', { URL: 'postgres://from-the-environment' })).toBe(
      'postgres://from-the-environment',
    );
    expect(await resolveReference(`file:${file}`)).toBe('postgres://from-a-file');
  });

  it.each(['env:ABSENT', 'env:EMPTY', 'file:/no/such/file', `file:${folder}`])(
    'names what has no value: %s',
    async (reference) => {
      const value = resolveReference(reference, { EMPTY: '' });
      await expect(value).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(reference),
      });
    },
  );

  it.each(['postgres://me:my-secret@host/db', 'my-secret', 'env:', 'file:', ''])(
    'never repeats what may be the secret itself: %s',
    async (reference) => {
      const value = resolveReference(reference, {});
      await expect(value).rejects.toMatchObject({ code: 'policy_invalid' });
      await expect(value).rejects.not.toThrow(/my-secret/);
    },
  );
});
