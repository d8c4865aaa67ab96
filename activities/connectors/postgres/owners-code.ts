import type { Client, QueryResultRow } from 'pg';

import { adviceOn } from './advice.ts';
import { EXPRESSIONS, FUNCTIONS } from './called-functions.sql.ts';
import { FOREIGN_TABLES } from './dependencies.sql.ts';
import { HARMLESS_FOR_OWNERS, HARMLESS_IN_DEFAULTS } from './harmless-functions.ts';
import type { SqlParser } from './parser-thread.ts';
import { answersTo, question } from './questions.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';
import type { TargetSettings } from './settings.ts';
import { calledFunctions } from './statement.ts';
import type { TriggerRow } from './triggers.ts';
import { VARYING_RULES } from './varying-views.ts';

/** Something that a statement evaluates. */
export interface CatalogObject extends QueryResultRow {
  readonly class: string;
  readonly oid: string;
}

/** The oids of those of one catalogue. */
function oidsOf(objects: readonly CatalogObject[], catalog: string): readonly string[] {
  return objects
    .filter((object) => object.class.replace('pg_catalog.', '') === catalog)
    .map((object) => object.oid);
}

interface Evaluated {
  readonly objects: readonly CatalogObject[];
  readonly triggers: readonly TriggerRow[];
  readonly request: { readonly settings: TargetSettings; readonly parser: SqlParser };
}

/** An expression that the target's owner wrote. */
export interface ExpressionRow extends QueryResultRow {
  readonly text: string | null;
  readonly kind: 'rule' | 'default' | 'generated' | 'other';
  /** True for a default, or what a column is generated from, that calls functions of the target's owner. */
  readonly calls_own: boolean;
  /** Of a default that nothing but an INSERT takes. */
  readonly column: string | null;
  /** True where it is proven to be the same for the same row at all times. */
  readonly is_constant: boolean;
}

/** A function of the target's owner, or one of the server that is volatile. */
export interface FunctionRow extends QueryResultRow {
  readonly name: string;
  readonly volatility: string;
  /** True when other owners have functions of this name: the list of the target does not say which is meant. */
  readonly has_others: boolean;
}

interface OwnersCode {
  readonly expressions: readonly ExpressionRow[];
  /** Without those that the target lets be called to make a value. */
  readonly functions: readonly FunctionRow[];
  /** Whether there are any functions, those as well. */
  readonly hasFunctions: boolean;
  /** Whether views and rules call what may answer something else each time. */
  readonly hasVaryingRules: boolean;
}

/**
 * Refuses what nobody vouches for. Answers what of the target's owner a statement reaches. The transaction is over then:
 * no other question about the statement follows.
 */
export async function refuseObjects(
  client: Client,
  { objects, triggers, request }: Evaluated,
): Promise<OwnersCode> {
  const { allowedFunctions, madeAtExecution } = request.settings;
  const oids = (catalog: string): readonly string[] => oidsOf(objects, catalog);
  const [foreign, functions, expressions, varying] = await answersTo(
    client,
    [
      question<{ name: string }>(FOREIGN_TABLES, [oids('pg_class')]),
      question<FunctionRow>(FUNCTIONS, ['pg_proc', 'pg_operator'].map(oids)),
      question<ExpressionRow>(EXPRESSIONS, [...OWNERS.map(oids), [...madeAtExecution]]),
      question(VARYING_RULES, [oids('pg_rewrite')]),
    ],
    ['rollback'],
  );
  if (foreign.length > 0) {
    const names = foreign.map((row) => row.name).join(', ');
    throw notPreviewable(
      `The statement reaches foreign tables, whose changes no plan shows: ${names}. Leave them out.`,
    );
  }
  for (const called of functions) refuseFunction(called, allowedFunctions);
  const { parser } = request;
  const defaults = expressions.filter(({ kind }) => kind === 'default');
  await refuseOwnerExpressions(
    defaults.map(({ text }) => text),
    { parser, allowed: HARMLESS_IN_DEFAULTS },
  );
  const others = expressions.filter(({ kind }) => kind !== 'default').map(({ text }) => text);
  const definitions = triggers.map(({ definition }) => definition);
  await refuseOwnerExpressions([...others, ...definitions], { parser, allowed: HARMLESS_FOR_OWNERS });
  return {
    expressions,
    functions: functions.filter(({ name }) => !madeAtExecution.has(name)),
    hasFunctions: functions.length > 0,
    hasVaryingRules: varying.length > 0,
  };
}

function refuseFunction({ name, has_others: hasOthers }: FunctionRow, allowed: ReadonlySet<string>): void {
  if (!allowed.has(name)) throw new StatementRefused('function_not_allowed', adviceOn(name));
  if (!hasOthers) return;
  throw new StatementRefused(
    'function_not_allowed',
    `Functions of different owners are called ${name}, and the target's list does not say whose is meant. Let the owner of the target rename or drop the others.`,
  );
}

/** Where the target's owner writes expressions, in the order of the parameters of `EXPRESSIONS`. */
const OWNERS = ['pg_rewrite', 'pg_attrdef', 'pg_constraint', 'pg_policy', 'pg_class', 'pg_type'] as const;

async function refuseOwnerExpressions(
  expressions: readonly (string | null)[],
  { parser, allowed }: { readonly parser: SqlParser; readonly allowed: ReadonlySet<string> },
): Promise<void> {
  const texts = expressions.flatMap((text) => (text === null ? [] : [text.replace(/;\s*$/, '')]));
  if (texts.length === 0) return;
  const names = await calledFunctions(texts.join(';\n'), parser);
  const harmful = names.filter((name) => !allowed.has(name));
  if (harmful.length === 0) return;
  const list = harmful.join(', ');
  throw new StatementRefused(
    'function_not_allowed',
    `A view, rule, default, check, policy or index of the target calls ${list}, which no statement may run here. Use a table without it.`,
  );
}
