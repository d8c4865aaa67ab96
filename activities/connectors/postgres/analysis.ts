import type { Client } from 'pg';

import { VOLATILE_CALLS } from './called-functions.sql.ts';
import { NOTED, OBJECTS } from './dependencies.sql.ts';
import { refuseEagerLiterals } from './eager-literals.ts';
import { hasFixedValues } from './fixed-values.ts';
import { catalogueRows, keepSchema } from './kept-sessions.ts';
import { refuseMadeValuesPassedOn, refuseUsedMadeValues } from './made-at-execution.ts';
import { readNodeText, type NodeValue } from './node-text.ts';
import { oidsOf, refuseObjects, type CatalogObject } from './owners-code.ts';
import { onlyOf } from './parse-tree.ts';
import type { SqlParser } from './parser-thread.ts';
import { readQueryFacts, refuseHarmfulCalls } from './query-facts.ts';
import { StatementRefused } from './refusal.ts';
import { followRewriting, type RewrittenRelation } from './rewriting.ts';
import {
  allAnswers,
  asOurselves,
  asStatement,
  beginning,
  extended,
  rowsOf,
  together,
  type SessionRequest,
} from './session.ts';
import type { Statement } from './statement.ts';
import { refuseUnsafeTarget } from './target-safety.ts';
import { isOwners, listedIn, readTriggers, unknownOf, type TriggerFunction } from './triggers.ts';
import { isPlainStatement, isRepeatable } from './repeatable.ts';
import { refuseVaryingValues } from './varying-values.ts';
import { mayVary } from './varying-views.ts';
import { readWrites, refuseSystemRelations, type WrittenTable } from './written-tables.ts';
import { readWrittenValues, relationsIn } from './written-values.ts';

/** What the target's own analysis of the statement says before anything runs. */
export interface Analysis {
  readonly tables: readonly WrittenTable[];
  /** Views and ruled tables for which the server writes these tables, or calls triggers, instead. */
  readonly rewritten: readonly RewrittenRelation[];
  /** True when it calls volatile functions of the target's owner, which may write by themselves. */
  readonly callsOwnerFunctions: boolean;
  /** True when such functions are called by the statement, or by views, policies and defaults that it reaches. */
  readonly reachesVolatileFunctions: boolean;
  /** Volatile functions that triggers call and the target's owner vouches for: what they do outside of tables is not seen. */
  readonly listedTriggers: readonly string[];
  /** True when one of them may be called although no row changes in the end. */
  readonly listedFireWithoutRows: boolean;
  /** True when triggers or functions of the owner run beside it, which may set any column of any table. */
  readonly runsOwnerCode: boolean;
  /** True when the statement itself holds every value that it sets. */
  readonly hasFixedValues: boolean;
  /** True when something in a writing statement may differ from run to run beyond what is proven to be assigned. */
  readonly isVarying: boolean;
  /** True when one rehearsal shows what any other would, while nobody changes the data. */
  readonly isRepeatable: boolean;
  /** Trigger functions that nobody vouches for: when there are any, the statement must not be tried out. */
  readonly unknownTriggers: readonly TriggerFunction[];
}

interface AnalysisRequest extends SessionRequest {
  readonly statement: Statement;
  readonly parser: SqlParser;
}

/**
 * Has the target analyse the statement without planning or running it, and follows what it would evaluate: functions,
 * operators, views, policies, defaults, checks, index expressions, domains, triggers, cascades. Throws
 * `StatementRefused` for anything that nobody vouches for. EXPLAIN would not do: it evaluates functions.
 */
export async function analyse(client: Client, request: AnalysisRequest): Promise<Analysis> {
  const start = [...beginning({ isolation: 'repeatable read' }, request), PLANNED_ONCE];
  await together(client, start);
  try {
    const [{ isWatched }] = await allAnswers([
      refuseUnsafeTarget(client, request.settings),
      refuseEagerLiterals(client, request),
    ]);
    if (!isWatched) await keepSchema(client, { as: asStatement(request.settings), start });
    return await analyseInside(client, request);
  } finally {
    await client.query('rollback');
  }
}

/**
 * Our queries are long: a better plan would save less than making one takes, and their hash tables, which the server
 * sizes by how many rows it expects at most, need little room.
 */
const PLANNED_ONCE = `set local plan_cache_mode = force_generic_plan; set local work_mem = '256kB'`;

async function analyseInside(client: Client, request: AnalysisRequest): Promise<Analysis> {
  const { oid, body } = await noteStatement(client, request);
  const tree = readNodeText(body);
  await refuseSystemRelations(client, relationsIn(tree));
  const { types, isPlain, ...values } = await readValues(client, tree, request);
  const { isVarying } = values;
  const written = [...values.tables, ...values.rewritten.map((view) => ({ ...view, isNamed: true }))];
  // Deparsed under our own path, whatever is printed without a schema is of pg_catalog.
  const [objects, triggers, called] = await Promise.all([
    catalogueRows<CatalogObject>(client, OBJECTS, [oid, written.map((relation) => relation.oid), types]),
    readTriggers(client, written),
    catalogueRows(client, VOLATILE_CALLS, [oid, [...request.settings.madeAtExecution]]),
  ]);
  const { expressions, functions } = await refuseObjects(client, { objects, triggers, request });
  const views = {
    oids: oidsOf(objects, 'pg_rewrite'),
    texts: expressions.flatMap(({ text, kind }) => (kind === 'rule' ? (text ?? []) : [])),
    parser: request.parser,
  };
  const allowed = request.settings.allowedFunctions;
  const unknownTriggers = unknownOf(triggers, allowed);
  return {
    ...values,
    callsOwnerFunctions: called.length > 0,
    reachesVolatileFunctions: called.length > 0 || functions.some(({ volatility }) => volatility === 'v'),
    ...listedIn(triggers, allowed),
    runsOwnerCode:
      triggers.some(isOwners) ||
      functions.some(({ volatility }) => volatility !== 'i') ||
      // Whatever they are declared to be: of what is made at execution they may make anything.
      expressions.some(({ calls_own: callsOwn }) => callsOwn),
    isVarying: isVarying || (written.length > 0 && (await mayVary(client, views))),
    isRepeatable: isRepeatable({ ...values, isPlain, functions, expressions }),
    unknownTriggers,
  };
}

/** What the statement writes, and where the values come from; the types of all values that it handles. */
async function readValues(
  client: Client,
  tree: NodeValue,
  { settings, statement }: AnalysisRequest,
): Promise<
  Pick<Analysis, 'tables' | 'rewritten' | 'isVarying' | 'hasFixedValues'> & {
    types: readonly string[];
    isPlain: boolean;
  }
> {
  const facts = await readQueryFacts(client, tree, settings.madeAtExecution);
  refuseHarmfulCalls(facts);
  const named = readWrittenValues(tree, facts);
  const isVarying = named.writes.length > 0 && refuseVaryingValues(tree, { facts, reader: named.reader });
  const { writes, ...rewriting } = await followRewriting(client, named.writes);
  // A view may lead to what the statement must not name.
  if (rewriting.rewritten.length > 0)
    await refuseSystemRelations(
      client,
      writes.map(({ oid }) => oid),
    );
  refuseMadeValuesPassedOn(named.writes, rewriting.rewritten);
  const tables = await readWrites(client, writes);
  await refuseUsedMadeValues(client, tables);
  return {
    tables,
    rewritten: rewriting.rewritten,
    isVarying: isVarying || rewriting.isVarying,
    types: [...facts.types.keys()],
    isPlain: isPlainStatement(tree, { facts, statement }),
    hasFixedValues: hasFixedValues(tree, { facts, reader: named.reader }),
  };
}

/**
 * A function in the session's own temporary schema that holds the statement; gone with the rollback. The text is one
 * whole statement, so it cannot end the body early, and the extended protocol takes nothing behind it. Noted as the role
 * that will run it, and so are its names looked up: they mean what that role can see.
 */
async function noteStatement(
  client: Client,
  { statement, settings, parser }: AnalysisRequest,
): Promise<{ readonly oid: string; readonly body: string }> {
  const head = 'create function pg_temp.keyturn_statement() returns void language sql begin atomic';
  const text = `${head}\n${statement.text}\n;\nend`;
  if ((await onlyOf(text, parser)) === null) {
    throw new StatementRefused('not_one_statement', 'The statement cannot stand inside another one.');
  }
  const [, , [row]] = await allAnswers([
    together(client, asStatement(settings)),
    client.query(extended(text)),
    rowsOf<{ oid: string; body: string }>(client, NOTED),
    together(client, asOurselves()),
  ]);
  if (row === undefined)
    throw new StatementRefused('target_error', 'The target keeps no analysis of the statement.');
  return row;
}
