import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import {
  lastLeafOf,
  nextLeaf,
  type LastLeaf,
  type Leaf,
  type LeafDraft,
  type LeafType,
  type NextPosition,
} from '../domain/audit/leaf.ts';
import { canonicalJson } from '../domain/crypto/canonical-json.ts';
import type { RowStatement } from './row-statements.ts';
import { columnOf, hasRows, valueOf } from './rows.ts';

/** An entry that is ready to be written. */
export interface Entry {
  readonly id: string;
  readonly text: string;
  readonly leaf: LastLeaf;
  readonly parts: readonly { readonly part: string; readonly salt: string; readonly body: string }[];
}

/** The entry that follows the last one of a stream: the one author of entries, whichever program writes them. */
export function nextEntry(draft: LeafDraft, position: Omit<NextPosition, 'nonce' | 'salts'>): Entry {
  const parts = Object.entries(draft.parts).map(([part, body]) => ({
    part,
    salt: random(),
    body: canonicalJson(body),
  }));
  const salts = Object.fromEntries(parts.map(({ part, salt }) => [part, salt]));
  return { ...nextLeaf(draft, { ...position, salts, nonce: random() }), parts };
}

function random(): string {
  return randomBytes(16).toString('hex');
}

/** The statements that write entries in their order, and their parts. */
export function insertionOfEntries(entries: readonly Entry[]): readonly RowStatement[] {
  const parts = entries.flatMap(({ id, parts: own }) => own.map((part) => ({ id, ...part })));
  return [
    {
      text: `insert into audit.entry (leaf)
        select leaf from unnest($1::text[]) with ordinality written(leaf, position) order by position`,
      values: [entries.map(({ text }) => text)],
    },
    {
      text: `insert into audit.payload (event_id, part, salt, body)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])`,
      values: [
        parts.map(({ id }) => id),
        parts.map(({ part }) => part),
        parts.map(({ salt }) => salt),
        parts.map(({ body }) => body),
      ],
    },
  ];
}

/** A stream, by what names it. */
export type StreamKey = Pick<NextPosition, 'request' | 'run'>;

/** The newest entry of a stream. */
export async function lastLeaf(manager: EntityManager, { request, run }: StreamKey): Promise<LastLeaf> {
  const text = 'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1';
  return lastLeafOf(await valueOf<string>(manager, text, [request, run]));
}

/** The entries of a kind in a stream, oldest first. */
export async function readEntries(
  manager: EntityManager,
  { request, run }: StreamKey,
  type: LeafType,
): Promise<readonly Leaf[]> {
  const text = 'select leaf from audit.entry where request = $1 and run_id = $2 and type = $3 order by n';
  return (await columnOf<string>(manager, text, [request, run, type])).map(
    (leaf) => JSON.parse(leaf) as Leaf,
  );
}

/** How many messages without a signature the entries of some steps have counted, as their ids begin. */
export async function unauthenticatedIn(
  manager: EntityManager,
  { request, run }: StreamKey,
  stepPrefix: string,
): Promise<number> {
  const count = await valueOf<string>(
    manager,
    `select sum((leaf::jsonb -> 'facts' ->> 'count')::numeric) from audit.entry
     where request = $1 and run_id = $2 and type = 'decision.unauthenticated' and starts_with(event_id, $3)`,
    [request, run, stepPrefix],
  );
  return Number(count);
}

/** True when an entry refers to a withdrawal, and to the very envelope that was signed. */
export async function isWithdrawalRecorded(
  manager: EntityManager,
  request: string,
  { id, envelopeDigest }: { readonly id: string; readonly envelopeDigest: string },
): Promise<boolean> {
  return hasRows(
    manager,
    `select 1 from audit.entry
     where request = $1 and type in ('request.withdrawn', 'request.withdrawal_refused')
       and leaf::jsonb #>> '{facts,withdrawal}' = $2 and leaf::jsonb #> '{evidence,refs}' ? $3 limit 1`,
    [request, id, envelopeDigest],
  );
}

/** What a pseudonym stands for: an account or a person. */
export interface Subject {
  readonly pseudonym: string;
  readonly body: Readonly<Record<string, string>>;
}

/** The statement that keeps what pseudonyms stand for, once each, apart from the log, where it can be erased. */
export function insertionOfSubjects(subjects: readonly Subject[]): RowStatement {
  return {
    // In one order for all: else two transactions could wait for each other for ever.
    text: `insert into audit.subject (pseudonym, body)
      select pseudonym, body::jsonb from unnest($1::text[], $2::text[]) as named (pseudonym, body)
       order by pseudonym on conflict do nothing`,
    values: [subjects.map(({ pseudonym }) => pseudonym), subjects.map(({ body }) => JSON.stringify(body))],
  };
}
