import { expect } from 'vitest';

import type { DecisionBody, ProofAnswer } from '../../../contract/decisions.ts';
import { postJson } from '../../api/keys/keys.ts';
import { comeBack, type Answer, type Page } from '../../api/sign-in/browser.ts';
import type { Stack } from '../../stack/stack.ts';
import type { Reviewer } from '../passkeys/reviewer.ts';

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}

interface Signer {
  readonly stack: Stack;
  readonly by: Reviewer;
}

interface Begun {
  readonly proof: string;
  /** What the provider was called with. */
  readonly query: URLSearchParams;
}

/** Begins to approve, and goes to sign in again. */
export async function leave(by: Reviewer, id: string): Promise<Begun> {
  const words = { grade: 'B', ...(await by.words(id)) };
  const { status, text } = await postJson(by.browser, `/v1/requests/${id}/proofs`, words);
  if (status !== 201) throw new Error(`No proof was begun: ${status} ${text}`);
  const { id: proof, address, challenge } = JSON.parse(text) as ProofAnswer;
  const { pathname, search } = new URL(address ?? '');
  const { location } = await by.browser.get(`${pathname}${search}`);
  const query = new URL(location).searchParams;
  expect([query.get('prompt'), query.get('max_age'), query.get('nonce')]).toEqual(['login', '0', challenge]);
  return { proof, query };
}

/** Comes back from there. */
export async function back(
  { stack, by, begun }: Signer & { readonly begun: Begun },
  { subject = 'olga', ...answer }: Answer & { readonly subject?: string } = {},
): Promise<Page> {
  const claims = { auth_time: nowSeconds(), ...answer.claims };
  return comeBack(by.browser, { issuer: stack.issuer, begun: begun.query, subject }, { ...answer, claims });
}

/** Signs in again for an approval. */
export async function prove(
  { stack, by }: Signer,
  id: string,
  subject = 'olga',
): Promise<NonNullable<DecisionBody['proof']>> {
  const begun = await leave(by, id);
  const { location } = await back({ stack, by, begun }, { subject });
  expect(location).toBe(`${by.browser.origin}/requests/${id}?proof=${begun.proof}`);
  return { id: begun.proof };
}
