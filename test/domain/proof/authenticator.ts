import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

import type { Assertion, PasskeyJwk } from '../../../domain/proof/passkey.ts';

/** What browsers call the kinds of keys (RFC 9053). */
export const ALGORITHMS = { ES256: -7, EdDSA: -8, RS256: -257 } as const;

export type Algorithm = keyof typeof ALGORITHMS;

/** What an authenticator is told, and what it may do wrong. */
export interface Ceremony {
  readonly rpId: string;
  readonly origin: string;
  readonly challenge: string;
  readonly flags?: number;
  readonly counter?: number;
  /** Of the client data, over the right ones. */
  readonly client?: Readonly<Record<string, unknown>>;
}

/** Present, verified. */
export const UP_UV = 0x05;

/** A passkey in memory, which signs what it is told to sign. */
export class Authenticator {
  readonly credential = randomBytes(32).toString('base64url');
  readonly algorithm: Algorithm;
  readonly #private: KeyObject;
  readonly jwk: PasskeyJwk;

  constructor(algorithm: Algorithm = 'ES256') {
    this.algorithm = algorithm;
    const { privateKey, publicKey } = keysOf(algorithm);
    this.#private = privateKey;
    this.jwk = publicKey.export({ format: 'jwk' }) as PasskeyJwk;
  }

  /** The answer of `navigator.credentials.get`. */
  assert({ rpId, origin, challenge, flags = UP_UV, counter = 0, client = {} }: Ceremony): Assertion {
    const data = authenticatorData(rpId, flags, counter);
    const clientData = clientDataOf({ type: 'webauthn.get', challenge, origin, ...client });
    const signed = Buffer.concat([data, sha256(clientData)]);
    return {
      credential: this.credential,
      authenticator_data: data.toString('base64url'),
      client_data: clientData.toString('base64url'),
      signature: this.#sign(signed).toString('base64url'),
    };
  }

  /** The answer of `navigator.credentials.create`, without an attestation. */
  register({ rpId, origin, challenge, flags = UP_UV, counter = 0, client = {} }: Ceremony): {
    readonly credential: string;
    readonly client_data: string;
    readonly attestation: string;
  } {
    const id = Buffer.from(this.credential, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const data = Buffer.concat([
      authenticatorData(rpId, flags | 0x40, counter),
      Buffer.alloc(16),
      length,
      id,
      this.coseKey(),
    ]);
    const attestation = Buffer.concat([
      Buffer.from([0xa3]),
      cborText('fmt'),
      cborText('none'),
      cborText('attStmt'),
      Buffer.from([0xa0]),
      cborText('authData'),
      cborBytes(data),
    ]);
    return {
      credential: this.credential,
      client_data: clientDataOf({ type: 'webauthn.create', challenge, origin, ...client }).toString(
        'base64url',
      ),
      attestation: attestation.toString('base64url'),
    };
  }

  /** The public key as authenticators write it (RFC 9052). */
  coseKey(): Buffer {
    const { jwk } = this;
    const alg = cborInt(ALGORITHMS[this.algorithm]);
    const bytes = (text: string): Buffer => cborBytes(Buffer.from(text, 'base64url'));
    const pairs: readonly [number, Buffer][] =
      jwk.kty === 'EC'
        ? [
            [1, cborInt(2)],
            [3, alg],
            [-1, cborInt(1)],
            [-2, bytes(jwk.x)],
            [-3, bytes(jwk.y)],
          ]
        : jwk.kty === 'OKP'
          ? [
              [1, cborInt(1)],
              [3, alg],
              [-1, cborInt(6)],
              [-2, bytes(jwk.x)],
            ]
          : [
              [1, cborInt(3)],
              [3, alg],
              [-1, bytes(jwk.n)],
              [-2, bytes(jwk.e)],
            ];
    return Buffer.concat([
      Buffer.from([0xa0 + pairs.length]),
      ...pairs.flatMap(([key, value]) => [cborInt(key), value]),
    ]);
  }

  #sign(bytes: Buffer): Buffer {
    return sign(this.algorithm === 'EdDSA' ? null : 'sha256', bytes, this.#private);
  }
}

function keysOf(algorithm: Algorithm): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function authenticatorData(rpId: string, flags: number, counter: number): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([sha256(Buffer.from(rpId)), Buffer.from([flags]), count]);
}

function clientDataOf(data: object): Buffer {
  return Buffer.from(JSON.stringify(data));
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function cborInt(value: number): Buffer {
  return value >= 0 ? cborHead(0, value) : cborHead(1, -1 - value);
}

function cborText(text: string): Buffer {
  return Buffer.concat([cborHead(3, Buffer.byteLength(text)), Buffer.from(text)]);
}

function cborBytes(bytes: Buffer): Buffer {
  return Buffer.concat([cborHead(2, bytes.length), bytes]);
}

function cborHead(kind: number, value: number): Buffer {
  const type = kind << 5;
  if (value < 24) return Buffer.from([type | value]);
  if (value < 256) return Buffer.from([type | 24, value]);
  return Buffer.from([type | 25, value >> 8, value & 0xff]);
}
