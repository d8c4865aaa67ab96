import type { EntityManager } from 'typeorm';

import { DIRECTORY_DIFFERS, driverCode, NOT_CHANGEABLE } from '../../../database/refusals.ts';
import { writeResource } from '../../../database/scim-resources.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import type { ApiContext } from '../context.ts';
import { directoryEntry, writeDirectory } from '../directory-stream.ts';
import { scimRefusal } from '../http/scim-errors.ts';

/** One change: what the database function takes, and what the audit log says of it, without names. */
export interface DirectoryWrite {
  readonly function: 'write_scim_user' | 'write_scim_group';
  readonly authority: string;
  readonly wanted: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** What provisioning needs. */
export type Provisioning = Pick<ApiContext, 'source' | 'snapshots' | 'keys' | 'log'>;

/** Provisions, excluding all other writers of the directory. Refuses what belongs to somebody else there. */
export async function provision<Result>(
  { source }: Provisioning,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  try {
    return await writeDirectory(source, work);
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

/** Writes one change with its audit entry. Only inside `provision`. */
export async function applyWrite(manager: EntityManager, write: DirectoryWrite): Promise<void> {
  const { authority, wanted, facts } = write;
  const entry = await directoryEntry(manager, 'scim', { ...facts, authority });
  await writeResource(manager, write.function, { authority, wanted, entry });
}

/** Something else has the name or the account. */
const TAKEN: ReadonlySet<unknown> = new Set(['23505', DIRECTORY_DIFFERS]);

function refusalOf(error: unknown): Error | null {
  const code = driverCode(error);
  if (TAKEN.has(code))
    return scimRefusal('uniqueness', 'This name or account belongs to somebody else in the directory.');
  return code === NOT_CHANGEABLE
    ? scimRefusal(
        'mutability',
        'This person was provisioned by another authority: the account cannot be changed here.',
      )
    : null;
}
