import { randomBytes } from 'node:crypto';

import { decodeJwt } from 'jose';

import { readApiKeys } from '../../configuration/keys.ts';
import { readApiConfiguration } from '../../configuration/programs.ts';
import { signEnvelope, type SignedRequest } from '../../domain/crypto/envelope.ts';
import { base32 } from '../../domain/identity/ids.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { ageDirectory } from './aged-directory.ts';
import type { Stack } from './stack.ts';

/** Copies of a request that is there. */
export interface Copies {
  readonly of: string;
  readonly count: number;
  readonly status: RequestStatus;
  /** False: they only fill the table. No page would show them, since nobody signed them. */
  readonly isShown: boolean;
}

const BATCH = 1_000;

/**
 * Fills the database with copies of a request, each a second older than the one before and with a second longer to decide:
 * lists and inboxes show them, signed and with the entries of their round, as they show any other. They have no workflow,
 * and what was sealed for the first one cannot be opened in them: their own pages cannot be read.
 */
export async function copyRequests(stack: Stack, copies: Copies): Promise<void> {
  await ageDirectory(stack.keyturnDb);
  const sign = await signerOf(stack, copies.of);
  for (let done = 0; done < copies.count; done += BATCH) {
    const count = Math.min(BATCH, copies.count - done);
    const ids = Array.from({ length: count }, () => `req_${base32(randomBytes(16))}`);
    const envelopes = copies.isShown ? await Promise.all(ids.map(sign)) : ids.map(() => 'unsigned');
    await insertRows(stack, copies, { ids, envelopes, done });
    if (copies.isShown) await insertEntries(stack, copies.of, ids);
  }
  await stack.keyturnDb.query('analyze keyturn.request, audit.entry, audit.payload, keyturn.plan');
}

async function signerOf(stack: Stack, id: string): Promise<(copy: string) => Promise<string>> {
  const { signing } = await readApiKeys(readApiConfiguration({ ...stack.env }));
  const sql = 'select envelope from keyturn.request where id = $1';
  const { rows } = await stack.keyturnDb.query<{ envelope: string }>(sql, [id]);
  const signed = decodeJwt<SignedRequest>(rows[0]?.envelope ?? '');
  return (copy) => signEnvelope({ ...signed, id: copy }, signing);
}

interface Batch {
  readonly ids: readonly string[];
  readonly envelopes: readonly string[];
  readonly done: number;
}

/** What is other in a copy, by the name of its column; `n` counts the copies. */
const CHANGED: Readonly<Record<string, string>> = {
  id: 'copy',
  envelope: 'signed',
  status: '$5',
  open_selectors: `case when $5 = 'pending' then open_selectors else '{}' end`,
  created_at: `created_at - ($4 + n) * interval '1 second'`,
  expires_at: `expires_at + ($4 + n) * interval '1 second'`,
};

async function insertRows({ keyturnDb }: Stack, copies: Copies, batch: Batch): Promise<void> {
  const { rows } = await keyturnDb.query<{ name: string }>(
    `select column_name as name from information_schema.columns
      where table_schema = 'keyturn' and table_name = 'request'`,
  );
  const values = rows.map(({ name }) => CHANGED[name] ?? `request."${name}"`);
  await keyturnDb.query(
    `insert into keyturn.request (${rows.map(({ name }) => `"${name}"`).join(', ')})
     select ${values.join(', ')} from keyturn.request,
       unnest($2::text[], $3::text[]) with ordinality as made(copy, signed, n) where id = $1`,
    [copies.of, batch.ids, batch.envelopes, batch.done, copies.status],
  );
}

/** What a round is about, and what its plan says, is read from the log. */
async function insertEntries({ keyturnDb }: Stack, of: string, ids: readonly string[]): Promise<void> {
  const made = `unnest($2::text[]) as copy where request = $1 and type in ('request.planned', 'request.pending')`;
  await keyturnDb.query(
    `insert into audit.entry (leaf) select replace(leaf, $1, copy) from audit.entry, ${made}`,
    [of, ids],
  );
  await keyturnDb.query(
    `insert into audit.payload (event_id, part, salt, body)
     select replace(event_id, $1, copy), part, salt, body from audit.payload join audit.entry using (event_id), ${made}`,
    [of, ids],
  );
  await keyturnDb.query(
    `insert into keyturn.plan (request, digest, body, made_at)
     select copy, digest, body, made_at from keyturn.plan, unnest($2::text[]) as copy where request = $1`,
    [of, ids],
  );
}
