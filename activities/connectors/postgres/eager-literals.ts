import type { Client, QueryResultRow } from 'pg';

import { CALLS } from './called-functions.sql.ts';
import { functionNameSql } from './function-names.ts';
import { HARMLESS_FOR_OWNERS } from './harmless-functions.ts';
import { nodesOf, textOf } from './parse-tree.ts';
import type { SqlParser } from './parser-thread.ts';
import { answersTo, question, type Question } from './questions.ts';
import { StatementRefused } from './refusal.ts';
import { asOurselves, asStatement } from './session.ts';
import type { TargetSettings } from './settings.ts';
import { calledFunctions, type Statement } from './statement.ts';

interface CheckRow extends QueryResultRow {
  readonly domain: string;
  readonly text: string;
  /** Functions of the target's own that it calls, also behind operators. */
  readonly functions: readonly string[];
}

/** Checks of the target's own domains, where $1 says that somebody wants them. */
const DOMAIN_CHECKS = `
  select rule.contypid::text as domain, 'select ' || pg_catalog.pg_get_expr(rule.conbin, 0) as text,
         array(select ${functionNameSql('schema.nspname', 'called.proname')}
                 from ${CALLS}
                 join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
                where link.classid = 'pg_catalog.pg_constraint'::regclass and link.objid = rule.oid
                  and called.oid >= 16384) as functions
    from pg_catalog.pg_constraint rule
   where $1::boolean and rule.contypid >= 16384 and rule.contype = 'c'`;

/**
 * Names by which a statement can reach these domains ($1): of types that hold them at any depth (rows of tables and
 * views are such types), and of functions and operators that take or answer one of those. Answers those among $2.
 */
const REACHING_NAMES = `
  with recursive holding(oid) as (
    select direct.oid from unnest($1::oid[]) direct(oid)
    union
    select next.oid
      from holding
      cross join lateral (
        select kind.oid from pg_catalog.pg_type kind where holding.oid in (kind.typelem, kind.typbasetype)
        union all
        select kind.oid
          from pg_catalog.pg_attribute col
          join pg_catalog.pg_type kind on kind.typrelid = col.attrelid
         where col.atttypid = holding.oid and col.attnum > 0
        union all
        select made.oid from pg_catalog.pg_range range, lateral (values (range.rngtypid), (range.rngmultitypid)) made(oid)
         where range.rngsubtype = holding.oid
        union all
        select rule.contypid
          from pg_catalog.pg_depend link
          join pg_catalog.pg_constraint rule on rule.oid = link.objid and rule.contypid <> 0
         where link.classid = 'pg_catalog.pg_constraint'::regclass and link.refclassid = 'pg_catalog.pg_type'::regclass
           and link.refobjid = holding.oid
      ) next
  ), held as (select array_agg(oid) as oids from holding)
  select reaching.name
    from held
    cross join lateral (
      select kind.typname as name from pg_catalog.pg_type kind where kind.oid = any (held.oids)
      union
      select called.proname from pg_catalog.pg_proc called
       where called.prorettype = any (held.oids) or called.proargtypes::oid[] && held.oids
          or called.proallargtypes && held.oids
      union
      select sign.oprname from pg_catalog.pg_operator sign
       where sign.oprleft = any (held.oids) or sign.oprright = any (held.oids) or sign.oprresult = any (held.oids)
    ) reaching
   where reaching.name = any ($2::name[])
   order by 1`;

/** Asks for what the server may run while it reads the statement. */
export function domainChecks(statement: Statement): Question<CheckRow> {
  return question(DOMAIN_CHECKS, [wordsOf(statement).hasText]);
}

/**
 * The server converts a constant to a row, array or range while it reads the statement, and runs the checks of the
 * domains within: a check that calls what nobody vouches for must be refused before the server is shown the statement.
 * In a session that goes on as the statement.
 */
export async function refuseEagerLiterals(
  client: Client,
  checks: readonly CheckRow[],
  { statement, settings, parser }: { statement: Statement; settings: TargetSettings; parser: SqlParser },
): Promise<void> {
  const harmful = await harmfulOf(checks, { settings, parser });
  if (harmful.size === 0) return;
  const reaching = question<{ name: string }>(REACHING_NAMES, [
    [...harmful.keys()],
    wordsOf(statement).names,
  ]);
  const [[reached]] = await answersTo(client, [{ ...reaching, after: asOurselves() }], asStatement(settings));
  if (reached === undefined) return;
  const calls = [...new Set([...harmful.values()].flat())].join(', ');
  throw new StatementRefused(
    'function_not_allowed',
    `The check of a domain calls ${calls}, which is not allowed at this target, and ${reached.name} can hold such values.`,
  );
}

/** Harmful domains, each with what its checks call without being allowed to. */
async function harmfulOf(
  checks: readonly CheckRow[],
  { settings, parser }: { settings: TargetSettings; parser: SqlParser },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const harmful = new Map<string, readonly string[]>();
  for (const { domain, text, functions } of checks) {
    const own = functions.filter((name) => !settings.allowedFunctions.has(name));
    const builtIn = (await calledFunctions(text, parser)).filter((name) => !HARMLESS_FOR_OWNERS.has(name));
    const calls = [...own, ...builtIn];
    if (calls.length > 0) harmful.set(domain, [...(harmful.get(domain) ?? []), ...calls]);
  }
  return harmful;
}

const NAME_FIELDS = ['relname', 'sval'] as const;

/** Every name in a statement, and whether it holds constants of text at all. */
function wordsOf({ tree }: Statement): { readonly names: readonly string[]; readonly hasText: boolean } {
  const nodes = [...nodesOf(tree)];
  const hasText = nodes.some(({ kind, node }) => kind === 'A_Const' && Object.hasOwn(node, 'sval'));
  const names = nodes
    .filter(({ kind }) => kind === 'RangeVar' || kind === 'String')
    .flatMap(({ node }) => NAME_FIELDS.flatMap((field) => textOf(node, field) ?? []));
  return { names: [...new Set(names)], hasText };
}
