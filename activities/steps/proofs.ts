import type { EntityManager } from 'typeorm';

import { readIdTokens } from '../../database/id-tokens.ts';
import { readIssuerKeys, type KeptKey } from '../../database/issuer-keys.ts';
import { heldPasskeys } from '../../database/passkeys.ts';
import type { RequestRow } from '../../database/tables.ts';
import type { SignedDecision } from '../../domain/crypto/envelope.ts';
import { unseal } from '../../domain/crypto/sealing.ts';
import { proofFault, UNKNOWN_KEY, type TrustedProvider } from '../../domain/proof/decision-proof.ts';
import { idTokenContext } from '../../domain/proof/id-token.ts';
import type { Dependencies } from '../dependencies.ts';

/** Says why a decision of this person is not of the grade that it claims; null where it is. */
export type ProofCheck = (signed: SignedDecision, person: string) => string | null;

/** How long a key counts for decisions after the provider was last seen to publish it: it may be away for a while. */
const KEY_MS_MAX = 24 * 3_600_000;

/** A provider that was seen so long after a decision, and does not publish the key, is not going to. */
const KEY_COMES_MS = 5 * 60_000;

interface Checking {
  readonly manager: EntityManager;
  readonly row: Pick<RequestRow, 'created_at'>;
}

/**
 * Checks the proofs of decisions on a request against the passkeys of now, which stay as they are until the transaction
 * ends, and the keys that workers saw at the providers. Nothing is read where nothing is proven.
 */
export async function proofCheck(
  dependencies: Dependencies,
  { manager, row }: Checking,
  decisions: readonly SignedDecision[],
): Promise<ProofCheck> {
  const credentials = decisions.flatMap(({ proof }) => (proof?.kind === 'passkey' ? [proof.credential] : []));
  const known = await heldPasskeys(manager, credentials);
  const tokens = await tokensOf(dependencies, manager, decisions);
  const keys = await keysOf(manager, decisions);
  return (signed, person) => {
    const { proof } = signed;
    const found =
      proof?.kind === 'passkey' ? known.find(({ credential }) => credential === proof.credential) : null;
    const passkey = found ? { ...found, is_revoked: found.revoked_at !== null } : null;
    const idToken = proof?.kind === 'id_token' ? (tokens.get(proof.digest) ?? null) : null;
    const provider = providerFor(dependencies, signed, keys);
    return proofFault(signed, {
      person,
      requestedAt: row.created_at.toISOString(),
      passkey,
      idToken,
      provider,
    });
  };
}

/**
 * True where the key of a proof may still become known: providers change their keys, and the decision was acknowledged. Then
 * it is tried again, and neither dropped nor believed. A ticket is acknowledged to nobody: its holder makes another one.
 */
export async function isKeyAwaited(
  { manager, now }: { readonly manager: EntityManager; readonly now: Date },
  signed: SignedDecision,
  fault: string | null,
): Promise<boolean> {
  if (fault !== UNKNOWN_KEY || signed.ticket_expires_at !== null) return false;
  const decidedMs = Date.parse(signed.issued_at);
  const seenMs = (await keysOf(manager, [signed])).map(({ last_seen: seen }) => seen.getTime());
  return now.getTime() <= decidedMs + KEY_MS_MAX && Math.max(...seenMs) <= decidedMs + KEY_COMES_MS;
}

async function tokensOf(
  { sealingKeys }: Pick<Dependencies, 'sealingKeys'>,
  manager: EntityManager,
  decisions: readonly SignedDecision[],
): Promise<ReadonlyMap<string, string>> {
  const digests = decisions.flatMap(({ proof }) => (proof?.kind === 'id_token' ? [proof.digest] : []));
  const tokens = new Map<string, string>();
  for (const { digest, sealed } of await readIdTokens(manager, digests)) {
    const token = await unseal(sealed, idTokenContext(digest), sealingKeys).catch(() => null);
    if (typeof token === 'string') tokens.set(digest, token);
  }
  return tokens;
}

async function keysOf(
  manager: EntityManager,
  decisions: readonly SignedDecision[],
): Promise<readonly KeptKey[]> {
  return readIssuerKeys(
    manager,
    decisions.flatMap(({ proof }) => (proof?.kind === 'id_token' ? [proof.issuer] : [])),
  );
}

/** How people sign in where the account of the reviewer is, with the keys that count for this decision. */
function providerFor(
  { providers }: Pick<Dependencies, 'providers'>,
  { reviewer, issued_at: at }: SignedDecision,
  known: readonly KeptKey[],
): TrustedProvider | null {
  const provider = providers.get(reviewer.issuer);
  if (!provider) return null;
  const keys = known.filter(
    ({ issuer, last_seen: seen }) =>
      issuer === provider.issuer && seen.getTime() + KEY_MS_MAX > Date.parse(at),
  );
  return { ...provider, keys: keys.map(({ jwk }) => jwk) };
}
