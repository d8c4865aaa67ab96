import fs from 'node:fs';
import path from 'node:path';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { scramVerifier } from '../../database/scram.ts';
import { fillTargetSetup, type TargetRoles } from '../../activities/connectors/postgres/target-setup.ts';
import { root } from '../servers/root.ts';

/** The roles that the sample policy's targets name, and the one that the worker signs in with. */
export const TARGET_ROLES: TargetRoles = {
  login: 'keyturn_target',
  statement: 'shop_writer',
  observer: 'keyturn_observer',
};

/**
 * Fills an empty database with the shop and gives Keyturn its place in it, exactly as the owner of a real target
 * would. `password` becomes that of the role that the worker signs in with.
 */
export async function prepareTarget(adminUrl: string, password: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ shop: string | null }>("select to_regclass('purchase') as shop");
    if (!rows[0]?.shop) await client.query(sqlOf('scripts/demo/shop.sql'));
    const setup = sqlOf('activities/connectors/postgres/target-setup.sql');
    await client.query(fillTargetSetup(setup, TARGET_ROLES));
    await client.query(sqlOf('scripts/demo/grants.sql'));
    // Not the password itself: logs and statistics of the server keep statements.
    await client.query(
      `alter role ${escapeIdentifier(TARGET_ROLES.login)} password ${escapeLiteral(scramVerifier(password))}`,
    );
  } finally {
    await client.end();
  }
}

function sqlOf(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}
