import { createHash, timingSafeEqual } from 'node:crypto';

import { z } from 'zod';

import { mistakeIn, readYamlFile } from '../../../configuration/files.ts';

const authoritySchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/),
  /** Several while a token is replaced. */
  token_sha256: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .min(1)
    .max(4),
  issuer: z.url({ protocol: /^https?$/ }),
  subject: z.enum(['externalId', 'userName']).default('externalId'),
});

const scimSchema = z.strictObject({ authorities: z.array(authoritySchema).max(32) });

/** Who provisions by a token. */
export interface ScimAuthority {
  /** `scim:NAME`: the owner of what it provisions. */
  readonly authority: string;
  /** The issuer whose accounts its users have. */
  readonly issuer: string;
  /** The attribute that holds the `sub` of a user's tokens at that issuer. */
  readonly subject: 'externalId' | 'userName';
}

interface Secret {
  readonly hash: Buffer;
  readonly authority: ScimAuthority;
}

/** The authorities that may provision, by their tokens. Only hashes of tokens are kept. */
export class ScimAuthorities {
  readonly #secrets: readonly Secret[];

  constructor(secrets: readonly Secret[]) {
    this.#secrets = secrets;
  }

  get isConfigured(): boolean {
    return this.#secrets.length > 0;
  }

  /** True where the digest was sent instead of its token. */
  isDigest(token: string): boolean {
    return this.#secrets.some((secret) => secret.hash.toString('hex') === token.toLowerCase());
  }

  /** The authority of a token, or null. Takes the same time for each. */
  of(token: string): ScimAuthority | null {
    const hash = createHash('sha256').update(token, 'utf8').digest();
    return this.#secrets
      .filter((secret) => timingSafeEqual(secret.hash, hash))
      .reduce<ScimAuthority | null>((found, secret) => found ?? secret.authority, null);
  }
}

/** Reads who may provision: nobody without a file or with an empty list. Throws when the file is wrong or two share a name or a token. */
export async function readScim(path: string | null): Promise<ScimAuthorities> {
  if (path === null) return new ScimAuthorities([]);
  const file = { variable: 'KEYTURN_SCIM', path };
  const { authorities } = await readYamlFile(file, scimSchema);
  const hashes = authorities.flatMap((entry) => entry.token_sha256);
  if (new Set(authorities.map((entry) => entry.name)).size !== authorities.length)
    throw mistakeIn(file, 'names an authority twice.');
  if (new Set(hashes).size !== hashes.length) throw mistakeIn(file, 'gives two authorities one token.');
  return new ScimAuthorities(
    authorities.flatMap(({ name, issuer, subject, token_sha256: tokens }) =>
      tokens.map((token) => ({
        hash: Buffer.from(token, 'hex'),
        authority: { authority: `scim:${name}`, issuer, subject },
      })),
    ),
  );
}
