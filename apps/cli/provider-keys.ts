import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import type { TrustedProvider } from '../../domain/proof/decision-proof.ts';
import { providerJwkSchema } from '../../domain/proof/id-token.ts';
import { failure } from './exit.ts';

/** As far as the clock of any provider may lie from ours (`clock_tolerance_seconds` of issuers.yaml). */
const TOLERANCE_SECONDS = 300;

const providersSchema = z.strictObject({
  issuers: z
    .array(
      z.strictObject({
        issuer: z.string().min(1),
        /** As it calls itself in ID tokens, where that is another name. */
        sign_in_issuer: z.string().min(1).optional(),
        client_id: z.string().min(1),
        /** The claim that names the account. */
        subject: z.string().min(1).default('sub'),
        keys: z.array(providerJwkSchema).min(1),
      }),
    )
    .min(1),
});

/** The identity providers that the caller trusts, by the issuer of accounts. */
export async function readProviders(file: string): Promise<ReadonlyMap<string, TrustedProvider>> {
  const { data, error } = providersSchema.safeParse(await readFile(file, 'utf8').then(parsed, () => null));
  if (error)
    throw failure(
      'unreadable_file',
      `${file} names no identity providers (${error.issues[0]?.path.join('.') ?? ''}): {"issuers": [{"issuer", "client_id", "keys": [...]}]}.`,
    );
  return new Map(
    data.issuers.map(({ issuer, sign_in_issuer, client_id: client, subject, keys }) => [
      issuer,
      {
        issuer: sign_in_issuer ?? issuer,
        client,
        subject_claim: subject,
        tolerance_seconds: TOLERANCE_SECONDS,
        keys,
      },
    ]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
