/** Whether a trigger (`attached`, a row of pg_trigger) fires for what Keyturn runs: its sessions are no replicas. */
export const FIRES = "attached.tgenabled in ('O', 'A')";

const EVENTS = { confdeltype: 8, confupdtype: 16 } as const;

/**
 * What a foreign key (`link`, a row of pg_constraint) does to the rows that refer: by its triggers, and it has none where it
 * is not enforced.
 */
export function acting(action: keyof typeof EVENTS): string {
  return `case when exists (select from pg_catalog.pg_trigger attached
                              where attached.tgconstraint = link.oid and attached.tgrelid = link.confrelid
                                and attached.tgtype & ${EVENTS[action]} <> 0 and ${FIRES})
               then link.${action}::text else 'a' end`;
}

/** Whether it deletes or changes rows that refer. */
export function acts(action: keyof typeof EVENTS): string {
  return `(link.${action} in ('c', 'n', 'd') and ${acting(action)} <> 'a')`;
}
