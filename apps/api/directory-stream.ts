import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { lastLeafOf, nextLeaf, type LastLeaf, type LeafDraft } from '../../domain/audit/leaf.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { ApiContext } from './context.ts';

/** The stream of all changes that the directory gets over this API. */
const STREAM = { request: 'directory', run: 'directory', namespace: '' } as const;

/**
 * Runs `work` alone among all writers of the directory over this API, in one transaction: what it reads holds until what
 * it writes is committed, together with the audit entry, or nothing is.
 */
export async function writeDirectory<Result>(
  context: ApiContext,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  return inTurn(context, () =>
    context.source.transaction(async (manager) => {
      await manager.query(`select pg_advisory_xact_lock(hashtext('keyturn.directory'))`);
      return work(manager);
    }),
  );
}

interface Queue {
  length: number;
  last: Promise<unknown>;
}

const QUEUE_MAX = 100;
const queues = new WeakMap<ApiContext, Queue>();

/** Writers of one process stand in line here, not at the lock: there each would hold a connection that readers need. */
async function inTurn<Result>(context: ApiContext, work: () => Promise<Result>): Promise<Result> {
  const queue = queues.get(context) ?? { length: 0, last: Promise.resolve() };
  queues.set(context, queue);
  if (queue.length >= QUEUE_MAX)
    throw new KeyturnError('unavailable', 'Too many directory changes at once. Try again.');
  queue.length += 1;
  const turn = queue.last.then(work).finally(() => {
    queue.length -= 1;
  });
  queue.last = turn.catch(() => undefined);
  return turn;
}

/** The entry of one change, by whoever brought it. Only inside `writeDirectory`. */
export async function directoryEntry(
  manager: EntityManager,
  by: 'scim' | 'claims',
  facts: Readonly<Record<string, JsonValue>>,
): Promise<string> {
  const draft: LeafDraft = {
    type: 'directory.changed',
    at: new Date().toISOString(),
    actor: { pseudonym: `sys_${by}`, kind: 'system', via: by },
    intent_digest: null,
    decision_digest: null,
    policy_digest: null,
    facts,
    evidence: null,
    parts: {},
  };
  const last = await lastEntry(manager);
  const nonce = randomBytes(16).toString('hex');
  const id = (n: number): string => `${STREAM.request}/${STREAM.run}/change/${n}`;
  return nextLeaf(draft, { ...STREAM, id, last, nonce, salts: {} }).text;
}

async function lastEntry(manager: EntityManager): Promise<LastLeaf> {
  const rows: { leaf: string }[] = await manager.query(
    'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1',
    [STREAM.request, STREAM.run],
  );
  return lastLeafOf(rows[0]?.leaf ?? null);
}
