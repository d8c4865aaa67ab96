import fs from 'node:fs';
import path from 'node:path';
import { Client, escapeLiteral } from 'pg';
import { root } from '../servers/root.ts';

/** The role that Keyturn's worker signs in with at a target. */
export const TARGET_ROLE = 'keyturn_target';

/**
 * Fills an empty database with the shop and gives Keyturn its place in it, exactly as the owner of a real target
 * would. `password` becomes that of the role that the worker uses.
 */
export async function prepareTarget(adminUrl: string, password: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ shop: string | null }>("select to_regclass('purchase') as shop");
    if (!rows[0]?.shop) await client.query(sqlOf('scripts/demo/shop.sql'));
    await client.query(sqlOf('activities/connectors/postgres/target-setup.sql'));
    await client.query(`alter role ${TARGET_ROLE} login password ${escapeLiteral(password)}`);
  } finally {
    await client.end();
  }
}

function sqlOf(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}
