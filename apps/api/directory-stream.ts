import type { DataSource, EntityManager } from 'typeorm';

import { lastLeaf, nextEntry } from '../../database/audit-entries.ts';
import { lockDirectory } from '../../database/directory-writes.ts';
import type { LeafDraft } from '../../domain/audit/leaf.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../domain/errors.ts';

/** The stream of all changes that this API makes to the directory. */
const STREAM = { request: 'directory', run: 'directory', namespace: '' } as const;

/**
 * Runs `work` in one transaction and excludes all other writers of the directory through this API: what it reads stays
 * true until its writes and their audit entry are committed together, or not at all.
 */
export async function writeDirectory<Result>(
  source: DataSource,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  return inTurn(source, () =>
    source.transaction(async (manager) => {
      await lockDirectory(manager);
      return work(manager);
    }),
  );
}

const QUEUE_MAX = 100;
const queues = new WeakMap<DataSource, { length: number; last: Promise<unknown> }>();

/** Writers of one process queue here, not at the lock: there each would hold a connection that readers need. */
async function inTurn<Result>(source: DataSource, work: () => Promise<Result>): Promise<Result> {
  const queue = queues.get(source) ?? { length: 0, last: Promise.resolve() };
  queues.set(source, queue);
  if (queue.length >= QUEUE_MAX)
    throw new KeyturnError('unavailable', 'Too many directory changes at once. Try again.');
  queue.length += 1;
  const turn = queue.last.then(work).finally(() => {
    queue.length -= 1;
  });
  queue.last = turn.catch(() => undefined);
  return turn;
}

/** The entry of one change and its source. Only inside `writeDirectory`. */
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
  const last = await lastLeaf(manager, STREAM);
  return nextEntry(draft, { ...STREAM, id: (n) => `directory/directory/change/${n}`, last }).text;
}
