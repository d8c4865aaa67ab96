import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { CompactEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { seal, unseal, type SealingKey, type SealingKeys } from '../../../domain/crypto/sealing.ts';

const newKey = (kid: string): SealingKey => ({ kid, secret: randomBytes(32) });

const KEYS: SealingKeys = [newKey('now')];
const CONTEXT = 'req_a/arguments';

const sealed = async (value: JsonValue, keys = KEYS, context = CONTEXT): Promise<string> =>
  seal({ context, value, initializationVector: randomBytes(12) }, keys);

const refused = expect.objectContaining({ code: 'envelope_invalid' });

describe('a sealed field', () => {
  it('opens to the value that was sealed', async () => {
    const anyValue = fc
      .jsonValue({ noUnicodeString: false })
      .map((value): JsonValue => JSON.parse(JSON.stringify(value)));
    await fc.assert(
      fc.asyncProperty(anyValue, async (value) => {
        const text = await sealed(value).catch(() => null);
        fc.pre(text !== null);
        expect(await unseal(text, CONTEXT, KEYS)).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });

  it('does not show what it holds', async () => {
    const text = await sealed({ statement: 'hunter2' });
    const parts = text.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    expect(parts.join()).not.toContain('hunter2');
    expect(await sealed('same')).not.toBe(await sealed('same'));
  });

  it('names its key and algorithm for operators who rotate keys', async () => {
    const [header = ''] = (await sealed(1)).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      kid: 'now',
      ctx: CONTEXT,
      crit: ['ctx'],
    });
  });

  it('stays open to all keys while the first one seals', async () => {
    const next = newKey('next');
    const rotated: SealingKeys = [next, ...KEYS];
    const old = await sealed('old');
    const fresh = await sealed('fresh', rotated);
    expect(await unseal(old, CONTEXT, rotated)).toBe('old');
    expect(await unseal(fresh, CONTEXT, rotated)).toBe('fresh');
    await expect(unseal(fresh, CONTEXT, KEYS)).rejects.toEqual(refused);
    await expect(unseal(old, CONTEXT, [next])).rejects.toEqual(refused);
  });

  it('does not open with another key of the same name', async () => {
    await expect(unseal(await sealed(1), CONTEXT, [newKey('now')])).rejects.toEqual(refused);
  });

  it('does not open at another place than it was sealed for', async () => {
    const text = await sealed(1);
    for (const context of ['req_b/arguments', 'req_a/claims', '', 'req_a/arguments/']) {
      await expect(unseal(text, context, KEYS)).rejects.toEqual(refused);
    }
  });

  it('does not open once any bit of any part was changed', async () => {
    const text = await sealed({ statement: 'select 1' });
    const parts = text.split('.');
    for (const index of [0, 2, 3, 4]) {
      const bytes = Buffer.from(parts[index] ?? '', 'base64url');
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      const changed = parts.with(index, bytes.toString('base64url')).join('.');
      await expect(unseal(changed, CONTEXT, KEYS)).rejects.toEqual(refused);
    }
  });

  it('has one spelling, and opens only with its whole tag', async () => {
    const text = await sealed({ statement: 'select 1' });
    const parts = text.split('.');
    const last = parts[4] ?? '';
    const next = String.fromCharCode(last.charCodeAt(21) + 1);
    for (const tag of [last.slice(0, 21) + next, `${last}==`, last.slice(0, 16), last.slice(0, 6), '']) {
      await expect(unseal(parts.with(4, tag).join('.'), CONTEXT, KEYS)).rejects.toEqual(refused);
    }
  });

  it('does not open without its place in the header', async () => {
    const text = await new CompactEncrypt(new TextEncoder().encode('1'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'now' })
      .encrypt(KEYS[0].secret);
    await expect(unseal(text, CONTEXT, KEYS)).rejects.toEqual(refused);
  });

  it('does not open when sealed with another algorithm', async () => {
    const text = await new CompactEncrypt(new TextEncoder().encode('1'))
      .setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM', kid: 'now', ctx: CONTEXT, crit: ['ctx'] })
      .encrypt(KEYS[0].secret, { crit: { ctx: true } });
    await expect(unseal(text, CONTEXT, KEYS)).rejects.toEqual(refused);
  });

  it.each(['', 'x', 'a.b.c', 'a.b.c.d.e', '....'])('cannot be %j', async (text) => {
    await expect(unseal(text, CONTEXT, KEYS)).rejects.toEqual(refused);
  });

  it('is never made of a value without a canonical form', async () => {
    await expect(sealed(Number.NaN)).rejects.toEqual(expect.objectContaining({ code: 'not_canonical' }));
  });
});
