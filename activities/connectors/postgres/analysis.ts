import type { Client } from 'pg';

import { VOLATILE_CALLS } from './called-functions.sql.ts';
import { NOTED, OBJECTS } from './dependencies.sql.ts';
import { domainChecks, refuseEagerLiterals } from './eager-literals.ts';
import { hasFixedValues } from './fixed-values.ts';
import { keepSchema } from './kept-sessions.ts';
import { refuseMadeValuesPassedOn, refuseUsedMadeValues } from './made-at-execution.ts';
import { readNodeText, type NodeValue } from './node-text.ts';
import { refuseObjects, type CatalogObject } from './owners-code.ts';
import { onlyOf } from './parse-tree.ts';
import type { SqlParser } from './parser-thread.ts';
import { factsOf, queryFacts, refuseHarmfulCalls } from './query-facts.ts';
import { answersTo, question, type Answers } from './questions.ts';
import { StatementRefused } from './refusal.ts';
import { followRewriting, rewriting, type RewrittenRelation } from './rewriting.ts';
import {
  allAnswers,
  asOurselves,
  asStatement,
  asStatementIfThere,
  beginning,
  endTransaction,
  extended,
  together,
  type SessionRequest,
} from './session.ts';
import type { Statement } from './statement.ts';
import { isPlainStatement, isRepeatable } from './repeatable.ts';
import { refuseUnsafeTarget, safetyQuestions } from './target-safety.ts';
import { isOwners, listedIn, triggersOf, unknownOf, type TriggerFunction } from './triggers.ts';
import { refuseVaryingValues } from './varying-values.ts';
import { mayVary } from './varying-views.ts';
import {
  readWrites,
  refuseSystemRelations,
  relationNames,
  writesOf,
  writtenTables,
  type WrittenTable,
} from './written-tables.ts';
import { readWrittenValues, relationsIn, writesIn } from './written-values.ts';

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
  /** True when any code of the owner may run with it, whatever it is declared to be. */
  readonly setsOffOwnerCode: boolean;
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

/** How a session that is lent starts for `analyse`. */
export function startOfAnalysis(request: AnalysisRequest) {
  return {
    beginning: beginningAnalysis(request),
    questions: [domainChecks(request.statement), ...safetyQuestions(request.settings)],
    last: asStatementIfThere(request.settings),
  } as const;
}

/**
 * Our queries are long: a better plan would save less than making one takes, and their hash tables, which the server sizes
 * by how many rows it expects at most, need little room.
 */
function beginningAnalysis(request: SessionRequest): readonly string[] {
  return [
    ...beginning({ isolation: 'repeatable read' }, request),
    'set local plan_cache_mode = force_generic_plan',
    `set local work_mem = '256kB'`,
  ];
}

/**
 * Has the target analyse the statement without planning or running it, and follows what it would evaluate: functions,
 * operators, views, policies, defaults, checks, index expressions, domains, triggers, cascades. Throws
 * `StatementRefused` for anything that nobody vouches for. EXPLAIN would not do: it evaluates functions.
 * In a transaction that `startOfAnalysis` began, with its answers; afterwards none is open.
 */
export async function analyse(
  client: Client,
  [checks, ...safety]: Answers<ReturnType<typeof startOfAnalysis>['questions']>,
  request: AnalysisRequest,
): Promise<Analysis> {
  const { settings } = request;
  try {
    const { isWatched } = refuseUnsafeTarget(settings, safety);
    await refuseEagerLiterals(client, checks, request);
    if (!isWatched) await keepSchema(client, [...beginningAnalysis(request), ...asStatement(settings)]);
    return await analyseInside(client, request);
  } finally {
    await endTransaction(client);
  }
}

async function analyseInside(client: Client, request: AnalysisRequest): Promise<Analysis> {
  const { oid, body } = await noteStatement(client, request);
  const { types, isPlain, ...values } = await readValues(client, readNodeText(body), request);
  const written = [...values.tables, ...values.rewritten.map((view) => ({ ...view, isNamed: true }))];
  // Deparsed under our own path, whatever is printed without a schema is of pg_catalog.
  const [objects, triggers, called] = await answersTo(client, [
    question<CatalogObject>(OBJECTS, [oid, written.map((relation) => relation.oid), types]),
    triggersOf(written),
    question(VOLATILE_CALLS, [oid, [...request.settings.madeAtExecution]]),
  ]);
  const { expressions, functions, ...code } = await refuseObjects(client, { objects, triggers, request });
  const rules = expressions.flatMap(({ text, kind }) => (kind === 'rule' ? (text ?? []) : []));
  const allowed = request.settings.allowedFunctions;
  const isVarying = async (): Promise<boolean> => code.hasVaryingRules || mayVary(rules, request.parser);
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
    setsOffOwnerCode: code.hasFunctions || triggers.some(isOwners),
    isVarying: values.isVarying || (written.length > 0 && (await isVarying())),
    isRepeatable: isRepeatable({ ...values, isPlain, functions, expressions }),
    unknownTriggers: unknownOf(triggers, allowed),
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
  const direct = writesIn(tree);
  const [names, factRows, relations, ...written] = await answersTo(client, [
    relationNames(relationsIn(tree)),
    queryFacts(tree),
    rewriting(direct),
    ...writtenTables(direct),
  ]);
  refuseSystemRelations(names);
  const facts = factsOf(tree, factRows, settings.madeAtExecution);
  refuseHarmfulCalls(facts);
  const named = readWrittenValues(tree, facts);
  const isVarying = named.writes.length > 0 && refuseVaryingValues(tree, { facts, reader: named.reader });
  const followed = await followRewriting(client, named.writes, relations);
  const { writes, rewritten } = followed;
  refuseMadeValuesPassedOn(named.writes, rewritten);
  // Where nothing is rewritten, what is written is what the statement names.
  const tables = rewritten.length === 0 ? writesOf(writes, written) : await readWrites(client, writes);
  await refuseUsedMadeValues(client, tables);
  return {
    tables,
    rewritten,
    isVarying: isVarying || followed.isVarying,
    types: [...facts.types.keys()],
    isPlain: isPlainStatement(tree, { facts, statement }),
    hasFixedValues: hasFixedValues(tree, { facts, reader: named.reader }),
  };
}

/**
 * A function in the session's own temporary schema that holds the statement; gone with the rollback. The text is one
 * whole statement, so it cannot end the body early, and the extended protocol takes nothing behind it. Noted as the role
 * that will run it, and so are its names looked up: they mean what that role can see. The session acts as the statement.
 */
async function noteStatement(
  client: Client,
  { statement, parser }: AnalysisRequest,
): Promise<{ readonly oid: string; readonly body: string }> {
  const head = 'create function pg_temp.keyturn_statement() returns void language sql begin atomic';
  const text = `${head}\n${statement.text}\n;\nend`;
  if ((await onlyOf(text, parser)) === null) {
    throw new StatementRefused('not_one_statement', 'The statement cannot stand inside another one.');
  }
  const [, [row]] = await allAnswers([
    client.query(extended(text)),
    together<{ oid: string; body: string }>(client, [...asOurselves(), NOTED]),
  ]);
  if (row === undefined)
    throw new StatementRefused('target_error', 'The target keeps no analysis of the statement.');
  return row;
}
