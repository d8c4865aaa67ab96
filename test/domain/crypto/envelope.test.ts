import {
  CompactSign,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type CompactVerifyGetKey,
  type CryptoKey,
  type JWK,
} from 'jose';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import {
  ENVELOPE_BYTES_MAX,
  openEnvelope,
  signEnvelope,
  type SignedDecision,
  type SignedPayload,
  type SignedRequest,
  type SignedWithdrawal,
} from '../../../domain/crypto/envelope.ts';
import { seal, unseal } from '../../../domain/crypto/sealing.ts';
import { ISSUER, START } from '../examples.ts';

const ID = 'a'.repeat(26);
const DIGEST = `sha256:${'0'.repeat(64)}`;

const REQUEST: SignedRequest = {
  kind: 'request',
  id: `req_${ID}`,
  action: 'postgres.execute',
  schema_version: 1,
  target: 'shop-production',
  mode: 'execute',
  arguments: 'sealed',
  claims: null,
  lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
  intent_digest: DIGEST,
  policy_digest: DIGEST,
  issued_at: START,
};

const DECISION: SignedDecision = {
  kind: 'decision',
  id: `dec_${ID}`,
  request: REQUEST.id,
  decision_digest: DIGEST,
  verdict: 'approve',
  reviewer: { issuer: ISSUER, subject: 'sub-olga' },
  channel: 'api',
  grade: 'C',
  reason: null,
  defer: null,
  issued_at: START,
  ticket_expires_at: null,
};

const WITHDRAWAL: SignedWithdrawal = {
  kind: 'withdrawal',
  id: `wdr_${ID}`,
  request: REQUEST.id,
  by: { issuer: ISSUER, subject: 'agent-billing' },
  reason: null,
  issued_at: START,
};

interface TestKey {
  readonly kid: string;
  readonly key: CryptoKey;
  readonly jwk: JWK;
}

async function newKey(kid: string, alg = 'EdDSA'): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

let signer: TestKey;
let retired: TestKey;
let stranger: TestKey;

beforeAll(async () => {
  [signer, retired, stranger] = await Promise.all([newKey('current'), newKey('retired'), newKey('current')]);
});

const trusted = (): ReturnType<typeof createLocalJWKSet> =>
  createLocalJWKSet({ keys: [signer.jwk, retired.jwk] });

const refused = expect.objectContaining({ code: 'envelope_invalid' });

interface Forgery {
  readonly payload: unknown;
  readonly typ?: string;
  readonly kid?: string;
}

/** Signed with the real key, but not by `signEnvelope`. */
async function forge({ payload, typ = 'keyturn-decision+jws', kid = 'current' }: Forgery): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'EdDSA', typ, kid })
    .sign(signer.key);
}

/** What a body may be long. */
const BODY_BYTES_MAX = 256 * 1024;

const SEALING = [{ kid: 'seal', secret: new Uint8Array(32) }] as const;

/** `opened` when the worker reads what was accepted; the code of the refusal when it was not accepted. */
async function receivable(value: JsonValue, hasClaims: boolean): Promise<string> {
  const sealed = await seal({ context: 'x', value, initializationVector: new Uint8Array(12) }, SEALING);
  const request = { ...REQUEST, arguments: sealed, claims: hasClaims ? sealed.slice(0, 1_000) : null };
  try {
    const opened = await openEnvelope('request', await signEnvelope(request, signer), trusted());
    expect(canonicalJson(await unseal(opened.arguments, 'x', SEALING))).toBe(canonicalJson(value));
    return 'opened';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');

describe('an envelope', () => {
  it('gives back exactly what was signed', async () => {
    expect(await openEnvelope('request', await signEnvelope(REQUEST, signer), trusted())).toEqual(REQUEST);
    expect(await openEnvelope('decision', await signEnvelope(DECISION, signer), trusted())).toEqual(DECISION);
    const withdrawal = await signEnvelope(WITHDRAWAL, signer);
    expect(await openEnvelope('withdrawal', withdrawal, trusted())).toEqual(WITHDRAWAL);
  });

  it('of a decision may say which card was shown, as far as anything was', async () => {
    const view = { digest: DIGEST, opened: ['plan', 'a_part_of_a_later_version'] };
    const shown = { ...DECISION, view };
    expect(await openEnvelope('decision', await signEnvelope(shown, signer), trusted())).toEqual(shown);
    for (const wrong of [{ digest: 'x', opened: [] }, { digest: DIGEST }, { ...view, seen: true }, null])
      await expect(signEnvelope({ ...DECISION, view: wrong as never }, signer)).rejects.toMatchObject({
        code: 'invalid_request',
      });
  });

  it('is signed only if it can be opened, however much its values grow when they are made canonical', async () => {
    const texts = ['1e15', '-0', '1e-6', '1e-7', '5e-324', '1.7976931348623157e308', '1E2', '100000e10'];
    const more = [
      '"\\u0001"',
      '"\\/"',
      '"\u2028"',
      '"\u{1F600}"',
      '"\\ud83d\\ude00"',
      '"\\\\"',
      'null',
      '{}',
      '""',
    ];
    const item = fc.constantFrom(...texts, ...more);
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        item,
        fc.nat({ max: BODY_BYTES_MAX }),
        fc.boolean(),
        async (text, bytes, hasClaims) => {
          const count = Math.floor((BODY_BYTES_MAX - (bytes % 4_096)) / (Buffer.byteLength(text) + 1));
          const value = JSON.parse(`[${Array(count).fill(text).join(',')}]`) as JsonValue;
          outcomes.add(await receivable(value, hasClaims));
        },
      ),
      { numRuns: 12 },
    );
    for (const text of [...texts, ...more])
      outcomes.add(
        await receivable(JSON.parse(`[${Array(40_000).fill(text).join(',')}]`) as JsonValue, true),
      );
    expect([...outcomes].sort()).toEqual(['body_too_large', 'opened']);
  }, 60_000);

  it.each<[string, SignedPayload, string]>([
    [
      'more accounts than a lineage has',
      { ...REQUEST, lineage: Array(65).fill(REQUEST.lineage[0]) },
      'body_too_large',
    ],
    [
      'a subject that is too long',
      { ...WITHDRAWAL, by: { issuer: ISSUER, subject: 'x'.repeat(513) } },
      'body_too_large',
    ],
    ['a reason that is too long', { ...DECISION, reason: 'x'.repeat(512 * 1024 + 1) }, 'body_too_large'],
    [
      'fields that are together too long',
      { ...REQUEST, arguments: 'x'.repeat(500_000), claims: 'x'.repeat(500_000) },
      'body_too_large',
    ],
    ['another form of id', { ...DECISION, id: 'dec_1' }, 'invalid_request'],
    ['an instant of seconds', { ...REQUEST, issued_at: '2026-11-29T12:00:00Z' }, 'invalid_request'],
  ])('is not signed with %s, which nobody could open', async (_what, payload, code) => {
    await expect(signEnvelope(payload, signer)).rejects.toMatchObject({ code });
  });

  it('is signed over the canonical text, so that one payload has one envelope', async () => {
    const [, payload] = (await signEnvelope(DECISION, signer)).split('.');
    expect(Buffer.from(payload ?? '', 'base64url').toString()).toBe(canonicalJson(DECISION));
    const reordered = { ...DECISION, kind: 'decision' as const, id: DECISION.id };
    expect(await signEnvelope(reordered, signer)).toBe(await signEnvelope(DECISION, signer));
  });

  it('stays valid while its key is among the trusted ones, current or not', async () => {
    const old = await signEnvelope(DECISION, retired);
    expect(await openEnvelope('decision', old, trusted())).toEqual(DECISION);
    const withoutRetired = createLocalJWKSet({ keys: [signer.jwk] });
    await expect(openEnvelope('decision', old, withoutRetired)).rejects.toEqual(refused);
  });

  it('of a stranger is refused, also under the name of a trusted key', async () => {
    const forged = await signEnvelope(DECISION, stranger);
    await expect(openEnvelope('decision', forged, trusted())).rejects.toEqual(refused);
  });

  it('of one kind is never taken for another', async () => {
    const envelopes = {
      request: await signEnvelope(REQUEST, signer),
      decision: await signEnvelope(DECISION, signer),
      withdrawal: await signEnvelope(WITHDRAWAL, signer),
    };
    for (const [kind, envelope] of Object.entries(envelopes)) {
      for (const other of ['request', 'decision', 'withdrawal'] as const) {
        if (other === kind) continue;
        await expect(openEnvelope(other, envelope, trusted())).rejects.toEqual(refused);
      }
    }
    const relabelled = await forge({ payload: REQUEST });
    await expect(openEnvelope('decision', relabelled, trusted())).rejects.toEqual(refused);
    const untyped = await forge({ payload: DECISION, typ: 'JWT' });
    await expect(openEnvelope('decision', untyped, trusted())).rejects.toEqual(refused);
  });

  it('changed in any part is refused', async () => {
    const [header, payload, signature] = (await signEnvelope(DECISION, signer)).split('.');
    const denied = encode(canonicalJson({ ...DECISION, verdict: 'deny' }));
    const otherHeader = encode(JSON.stringify({ alg: 'EdDSA', typ: 'keyturn-decision+jws', kid: 'retired' }));
    const other = (await signEnvelope({ ...DECISION, request: `req_${'b'.repeat(26)}` }, signer)).split('.');
    const changed = [
      `${header}.${denied}.${signature}`,
      `${otherHeader}.${payload}.${signature}`,
      `${header}.${payload}.${other[2]}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.`,
    ];
    for (const envelope of changed) {
      await expect(openEnvelope('decision', envelope, trusted())).rejects.toEqual(refused);
    }
  });

  it('without a signature is refused, whatever algorithm it claims', async () => {
    const payload = encode(canonicalJson(DECISION));
    for (const alg of ['none', 'None', 'NONE', 'EdDSA', '']) {
      const header = encode(JSON.stringify({ alg, typ: 'keyturn-decision+jws', kid: 'current' }));
      await expect(openEnvelope('decision', `${header}.${payload}.`, trusted())).rejects.toEqual(refused);
    }
  });

  it('signed with the public key as a shared secret is refused', async () => {
    const secret = Buffer.from(signer.jwk.x ?? '', 'base64url');
    const forged = await new CompactSign(new TextEncoder().encode(canonicalJson(DECISION)))
      .setProtectedHeader({ alg: 'HS256', typ: 'keyturn-decision+jws', kid: 'current' })
      .sign(secret);
    await expect(openEnvelope('decision', forged, trusted())).rejects.toEqual(refused);
  });

  it('signed with another algorithm is refused, even by a key that is trusted', async () => {
    const elliptic = await newKey('elliptic', 'ES256');
    const forged = await new CompactSign(new TextEncoder().encode(canonicalJson(DECISION)))
      .setProtectedHeader({ alg: 'ES256', typ: 'keyturn-decision+jws', kid: 'elliptic' })
      .sign(elliptic.key);
    const keys = createLocalJWKSet({ keys: [signer.jwk, elliptic.jwk] });
    await expect(openEnvelope('decision', forged, keys)).rejects.toEqual(refused);
  });

  it('that brings its own key is refused', async () => {
    const forged = await new CompactSign(new TextEncoder().encode(canonicalJson(DECISION)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'keyturn-decision+jws', kid: 'mine', jwk: stranger.jwk })
      .sign(stranger.key);
    await expect(openEnvelope('decision', forged, trusted())).rejects.toEqual(refused);
  });

  it.each<[string, unknown]>([
    ['an unknown field', { ...DECISION, is_admin: true }],
    ['a missing field', { ...DECISION, grade: undefined }],
    ['another verdict', { ...DECISION, verdict: 'approved' }],
    ['an instant without milliseconds', { ...DECISION, issued_at: '2026-11-22T08:00:00Z' }],
    ['an instant with an offset', { ...DECISION, issued_at: '2026-11-22T08:00:00.000+02:00' }],
    ['a day that does not exist', { ...DECISION, issued_at: '2026-02-31T08:00:00.000Z' }],
    ['a digest in capitals', { ...DECISION, decision_digest: DIGEST.toUpperCase() }],
    ['an id of another kind', { ...DECISION, id: `req_${ID}` }],
    ['text that is no JSON', '{'],
    ['a list', '[]'],
  ])('signed over %s is refused', async (_, payload) => {
    await expect(openEnvelope('decision', await forge({ payload }), trusted())).rejects.toEqual(refused);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['empty text', ''],
    ['an object', {}],
  ])('cannot be %s', async (_, envelope) => {
    await expect(openEnvelope('decision', envelope, trusted())).rejects.toEqual(refused);
  });

  it('that is too long is refused before it is parsed', async () => {
    const asked: unknown[] = [];
    const keys: CompactVerifyGetKey = async (...header) => {
      asked.push(header);
      return trusted()(...header);
    };
    const [header = ''] = (await signEnvelope(DECISION, signer)).split('.');
    const long = `${header}.${'A'.repeat(ENVELOPE_BYTES_MAX)}.`;
    await expect(openEnvelope('decision', long, keys)).rejects.toEqual(refused);
    expect(asked).toEqual([]);
  });

  it('is not called invalid when the keys cannot be had', async () => {
    const envelope = await signEnvelope(DECISION, signer);
    const unreachable = async (): Promise<never> => {
      throw new Error('disk on fire');
    };
    await expect(openEnvelope('decision', envelope, unreachable)).rejects.toThrow('disk on fire');
  });
});
