import type { Client } from 'pg';

import type { Stack } from '../../stack/stack.ts';

/** A database that nobody but the superuser of the tests can reach. */
export interface Away {
  comeBack(): Promise<void>;
}

/** Takes Keyturn's own database away from the API and the worker. */
export async function takeKeyturnDatabase({ keyturnDb, name }: Stack): Promise<Away> {
  return take(keyturnDb, `${name}_keyturn`);
}

/** Takes the target away from the worker. */
export async function takeTarget({ target, name }: Stack): Promise<Away> {
  return take(target, `${name}_target`);
}

/** The limit does not apply to superusers; sessions that are open are ended. */
async function take(admin: Client, database: string): Promise<Away> {
  await admin.query(`alter database ${database} connection limit 0`);
  await admin.query(
    `select pg_terminate_backend(session.pid)
       from pg_stat_activity session join pg_roles role on role.oid = session.usesysid
      where session.datname = $1 and not role.rolsuper`,
    [database],
  );
  return {
    comeBack: async () => {
      await admin.query(`alter database ${database} connection limit -1`);
    },
  };
}
