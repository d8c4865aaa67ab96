import { randomBytes } from 'node:crypto';

import { QueryFailedError, type EntityManager } from 'typeorm';

import { leafHash, leafText, type Leaf, type LeafPlace } from '../../../domain/audit.ts';
import type { JsonValue } from '../../../domain/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ApiContext } from '../context.ts';
import { scimRefusal } from './errors.ts';

/** The stream of all changes that the directory gets over this API. */
const STREAM = { request: 'directory', run: 'directory', namespace: '' } as const;

/** One change: what the database function takes, and what the audit log says of it, without names. */
export interface DirectoryWrite {
  readonly function: 'write_scim_user' | 'write_scim_group';
  readonly authority: string;
  readonly wanted: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/**
 * Runs `work` alone among all writers of the directory over this API, in one transaction: what it reads holds until what
 * it writes is committed, together with the audit entry, or nothing is.
 */
export async function writeDirectory<Result>(
  context: ApiContext,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  return inTurn(context, async () => {
    try {
      return await context.source.transaction(async (manager) => {
        await manager.query(`select pg_advisory_xact_lock(hashtext('keyturn.directory'))`);
        return work(manager);
      });
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
  });
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
    throw new KeyturnError('unavailable', 'Too many changes of the directory at once: try again.');
  queue.length += 1;
  const turn = queue.last.then(work).finally(() => {
    queue.length -= 1;
  });
  queue.last = turn.catch(() => undefined);
  return turn;
}

/** Writes one change with its audit entry. Only inside `writeDirectory`. */
export async function applyWrite(manager: EntityManager, write: DirectoryWrite): Promise<void> {
  const { authority, wanted, facts } = write;
  const text = leafText(
    {
      type: 'directory.changed',
      at: new Date().toISOString(),
      actor: { pseudonym: 'sys_scim', kind: 'system', via: 'scim' },
      intent_digest: null,
      decision_digest: null,
      policy_digest: null,
      facts: { ...facts, authority },
      evidence: null,
      parts: {},
    },
    await placeOf(manager),
  );
  await manager.query(`select keyturn.${write.function}($1, $2, $3)`, [
    authority,
    JSON.stringify(wanted),
    text,
  ]);
}

async function placeOf(manager: EntityManager): Promise<LeafPlace> {
  const rows: { leaf: string }[] = await manager.query(
    'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1',
    [STREAM.request, STREAM.run],
  );
  const [last] = rows;
  const n = last ? (JSON.parse(last.leaf) as Leaf).n + 1 : 0;
  const id = `${STREAM.request}/${STREAM.run}/change/${n}`;
  const nonce = randomBytes(16).toString('hex');
  return { ...STREAM, id, n, prev: last ? leafHash(last.leaf) : null, nonce, salts: {} };
}

/** How the database says that something else has the name or the account, and that a link cannot be moved. */
const TAKEN: ReadonlySet<unknown> = new Set(['23505', 'KT001']);
const IMMUTABLE = 'KT002';

function refusalOf(error: unknown): Error | null {
  if (!(error instanceof QueryFailedError)) return null;
  const { code } = error.driverError as { code?: unknown };
  if (TAKEN.has(code))
    return scimRefusal('uniqueness', 'Somebody else has this name or this account in the directory.');
  return code === IMMUTABLE
    ? scimRefusal('mutability', 'Another authority brought this person: the account cannot be changed here.')
    : null;
}
