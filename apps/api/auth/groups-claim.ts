import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { Issuer } from '../../../configuration/issuers.ts';

/** The groups that a person's token lists, or why it says nothing about them. */
export type GroupsClaim =
  | {
      readonly kind: 'listed';
      readonly issuedAtSeconds: number;
      readonly values: ReadonlySet<string>;
      /** Of the whole list, whatever its order. */
      readonly digest: string;
    }
  | {
      readonly kind: 'unusable';
      readonly why: 'no_time_of_issue' | 'not_in_token' | 'not_a_list' | 'too_long';
    };

const VALUES_MAX = 200;
const VALUE_LENGTH_MAX = 256;

const listSchema = z.array(z.string().refine((value) => value.isWellFormed() && !value.includes('\0')));

/** How issuers say that the groups are too many for a token (OpenID Connect Core 5.6.2, and Entra's own word). */
const elsewhereSchema = z.object({
  _claim_names: z.record(z.string(), z.unknown()).optional(),
  hasgroups: z.unknown().optional(),
});

/**
 * The groups that verified claims list; null where the issuer is not configured for them. A token without the claim lists
 * none. One that lists too many, in an unknown form, or refers elsewhere, says nothing at all: a part of a list never
 * counts as the list.
 */
export function groupsClaimOf(payload: unknown, issuer: Issuer): GroupsClaim | null {
  const name = issuer.claims?.groups;
  if (name === undefined) return null;
  const claims = payload as Readonly<Record<string, unknown>>;
  const issuedAtSeconds = claims['iat'];
  if (typeof issuedAtSeconds !== 'number' || !Number.isFinite(issuedAtSeconds))
    return { kind: 'unusable', why: 'no_time_of_issue' };
  if (isElsewhere(claims, name)) return { kind: 'unusable', why: 'not_in_token' };
  const list = listSchema.optional().safeParse(claims[name]);
  if (!list.success) return { kind: 'unusable', why: 'not_a_list' };
  return listed(list.data ?? [], issuedAtSeconds);
}

function isElsewhere(claims: unknown, name: string): boolean {
  const parsed = elsewhereSchema.safeParse(claims);
  if (!parsed.success) return true;
  const { _claim_names: names = {}, hasgroups } = parsed.data;
  return Object.hasOwn(names, name) || (hasgroups !== undefined && hasgroups !== false);
}

function listed(list: readonly string[], issuedAtSeconds: number): GroupsClaim {
  if (list.length > VALUES_MAX || list.some((value) => value.length > VALUE_LENGTH_MAX))
    return { kind: 'unusable', why: 'too_long' };
  const values = new Set(list);
  const digest = createHash('sha256')
    .update(JSON.stringify([...values].sort()))
    .digest('hex');
  return { kind: 'listed', issuedAtSeconds, values, digest };
}
