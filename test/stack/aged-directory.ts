import type { Client } from 'pg';

/** Tests store requests that are hours old: the people of the first policy have been there longer. */
export async function ageDirectory(db: Client): Promise<void> {
  for (const table of ['person_standing', 'agent_standing', 'account', 'directory_group', 'membership'])
    await db.query(`update keyturn.${table} set valid_from = '-infinity'`);
  await db.query(`update keyturn.directory_change set at = '-infinity'`);
}
