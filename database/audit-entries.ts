import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { lastLeafOf, nextLeaf, type LastLeaf, type LeafDraft, type NextPosition } from '../domain/audit/leaf.ts';
import { canonicalJson } from '../domain/crypto/canonical-json.ts';
import { firstRow } from './rows.ts';

/** An entry that is ready to be written. */
export interface Entry {
  readonly id: string;
  readonly text: string;
  readonly leaf: LastLeaf;
  readonly parts: readonly { readonly part: string; readonly salt: string; readonly body: string }[];
}

/** The entry that follows the last one of a stream: the one author of entries, whichever program writes them. */
export function nextEntry(draft: LeafDraft, place: Omit<NextPosition, 'nonce' | 'salts'>): Entry {
  const parts = Object.entries(draft.parts).map(([part, body]) => ({
    part,
    salt: random(),
    body: canonicalJson(body),
  }));
  const salts = Object.fromEntries(parts.map(({ part, salt }) => [part, salt]));
  return { ...nextLeaf(draft, { ...place, salts, nonce: random() }), parts };
}

function random(): string {
  return randomBytes(16).toString('hex');
}

/** $1 leaves in their order; of the parts: $2 ids of their leaves, $3 names, $4 salts, $5 bodies. */
export const WRITE_ENTRIES = `
  entries as (
    insert into audit.entry (leaf)
    select leaf from unnest($1::text[]) with ordinality written(leaf, place) order by place),
  payloads as (
    insert into audit.payload (event_id, part, salt, body)
    select * from unnest($2::text[], $3::text[], $4::text[], $5::text[]))`;

/** The parameters of `WRITE_ENTRIES`. */
export function entryValues(entries: readonly Entry[]): readonly string[][] {
  const parts = entries.flatMap(({ id, parts: own }) => own.map((part) => ({ id, ...part })));
  return [
    entries.map(({ text }) => text),
    parts.map(({ id }) => id),
    parts.map(({ part }) => part),
    parts.map(({ salt }) => salt),
    parts.map(({ body }) => body),
  ];
}

/** The newest entry of a stream. */
export async function lastLeaf(
  manager: EntityManager,
  { request, run }: Pick<NextPosition, 'request' | 'run'>,
): Promise<LastLeaf> {
  const row = await firstRow<{ leaf: string }>(
    manager,
    'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1',
    [request, run],
  );
  return lastLeafOf(row?.leaf ?? null);
}
