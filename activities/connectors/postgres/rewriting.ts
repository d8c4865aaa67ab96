import type { Client, QueryResultRow } from 'pg';

import { digestOf, type Digest } from '../../../domain/crypto/digest.ts';
import { readNodeText } from './node-text.ts';
import { readQueryFacts } from './query-facts.ts';
import { answersTo, question, type Question } from './questions.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';
import { readSimpleView } from './simple-view.ts';
import { eventMask } from './triggers.ts';
import type { ValueSource } from './value-sources.ts';
import { refuseVaryingValues } from './varying-values.ts';
import { readWrittenValues, type RelationWrite, type WriteOperation } from './written-values.ts';

/** A relation for which the server does something else than to write it as it is named. */
export interface RewrittenRelation {
  readonly oid: string;
  readonly resource: string;
  readonly operations: readonly WriteOperation[];
  /** `view`: the table behind it is written. `triggers`: INSTEAD OF triggers are called. `rules`: rules are followed. */
  readonly by: 'view' | 'triggers' | 'rules';
  /** Of everything that decides what is written instead. */
  readonly definition: Digest;
}

/** What a statement writes once views and rules are followed. */
export interface Rewriting {
  readonly writes: readonly RelationWrite[];
  readonly rewritten: readonly RewrittenRelation[];
  /** True when a value that varies is handed to triggers or rules, which may put it anywhere. */
  readonly isVarying: boolean;
}

/** Views on views, and rules that lead to further rules: the server has no such limit, but nobody could follow. */
const DEPTH_MAX = 16;
const WRITES_MAX = 500;

/**
 * Follows views, INSTEAD OF triggers and rules to what the server will write. It goes by the server's own order: rules,
 * then triggers, then the view itself. Takes what `rewriting` answered of the relations that the statement names as
 * written. Throws `StatementRefused` for whatever it cannot follow.
 */
export async function followRewriting(
  client: Client,
  named: readonly RelationWrite[],
  known: readonly Relation[],
): Promise<Rewriting> {
  const writes: RelationWrite[] = [];
  const rewritten: RewrittenRelation[] = [];
  let isVarying = false;
  let open = named;
  for (let depth = 0; open.length > 0; depth += 1) {
    if (depth > DEPTH_MAX || writes.length + open.length > WRITES_MAX) throw notFollowed();
    const relations = byOid(depth === 0 ? known : (await answersTo(client, [rewriting(open)]))[0]);
    const next: RelationWrite[] = [];
    for (const write of open) {
      const step = await stepOf(client, write, relations.get(write.oid));
      writes.push(...step.done);
      next.push(...step.next);
      rewritten.push(...step.rewritten);
      isVarying ||= step.isVarying;
    }
    open = next;
  }
  refuseReturnedByRules(named, rewritten);
  return { writes, rewritten: merged(rewritten), isVarying };
}

interface Rule {
  readonly event: string;
  readonly is_instead: boolean;
  readonly is_conditional: boolean;
  readonly action: string;
}

interface Relation extends QueryResultRow {
  readonly oid: string;
  readonly kind: string;
  readonly resource: string;
  readonly instead_events: number;
  readonly rules: readonly Rule[];
  readonly definition: string;
}

/** Rules and INSTEAD OF triggers of relations ($1). The rule of a view itself holds whether it is enabled or not. */
const RELATIONS = `
  select relation.oid::text as oid, relation.relkind::text as kind,
         pg_catalog.format('%I.%I', schema.nspname, relation.relname) as resource,
         coalesce((select pg_catalog.bit_or(attached.tgtype) from pg_catalog.pg_trigger attached
                    where attached.tgrelid = relation.oid and attached.tgtype & 64 <> 0), 0::int2)::int as instead_events,
         coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
                            'event', rule.ev_type, 'is_instead', rule.is_instead,
                            'is_conditional', rule.ev_qual::text <> '<>', 'action', rule.ev_action::text)
                          order by rule.rulename)
                     from pg_catalog.pg_rewrite rule
                    where rule.ev_class = relation.oid and (rule.ev_type = '1' or rule.ev_enabled in ('O', 'A'))),
                  '[]'::json) as rules,
         pg_catalog.concat_ws(
           E'\\n', relation.relowner, relation.reloptions::text,
           (select pg_catalog.string_agg(case rule.ev_type when '1' then pg_catalog.pg_get_viewdef(rule.ev_class)
                                              else rule.ev_enabled::text || pg_catalog.pg_get_ruledef(rule.oid) end,
                                         E'\\n' order by rule.rulename)
              from pg_catalog.pg_rewrite rule where rule.ev_class = relation.oid),
           (select pg_catalog.string_agg(preset.adnum::text || pg_catalog.pg_get_expr(preset.adbin, preset.adrelid),
                                         E'\\n' order by preset.adnum)
              from pg_catalog.pg_attrdef preset where preset.adrelid = relation.oid and relation.relkind = 'v'),
           (select pg_catalog.string_agg(attached.tgenabled::text || pg_catalog.pg_get_triggerdef(attached.oid)
                                           || pg_catalog.pg_get_functiondef(attached.tgfoid), E'\\n' order by attached.tgname)
              from pg_catalog.pg_trigger attached
             where attached.tgrelid = relation.oid and relation.relkind = 'v')) as definition
    from pg_catalog.pg_class relation
    join pg_catalog.pg_namespace schema on schema.oid = relation.relnamespace
   where relation.oid = any ($1::oid[])`;

/** Asks for what the server does instead of writing relations as they are named. */
export function rewriting(writes: readonly Pick<RelationWrite, 'oid'>[]): Question<Relation> {
  return question(RELATIONS, [[...new Set(writes.map(({ oid }) => oid))]]);
}

function byOid(relations: readonly Relation[]): ReadonlyMap<string, Relation> {
  return new Map(relations.map((relation) => [relation.oid, relation]));
}

interface Step {
  /** Written as they stand. */
  readonly done: readonly RelationWrite[];
  /** To be followed further. */
  readonly next: readonly RelationWrite[];
  readonly rewritten: readonly RewrittenRelation[];
  readonly isVarying: boolean;
}

/** What the server makes of one write. */
async function stepOf(client: Client, write: RelationWrite, relation: Relation | undefined): Promise<Step> {
  if (relation === undefined) throw notFollowed();
  const rules = relation.rules.filter(({ event }) => event === EVENTS[write.operation]);
  if (rules.length === 0) return withoutRules(write, relation);
  const own: Step = rules.some((rule) => rule.is_instead && !rule.is_conditional)
    ? NOTHING
    : withoutRules(write, relation);
  const actions = await Promise.all(rules.map((rule) => readAction(client, rule)));
  return {
    done: own.done,
    next: [...own.next, ...actions.flatMap(({ writes }) => writes)],
    rewritten: [rewrittenBy('rules', write, relation), ...own.rewritten],
    isVarying:
      hasProvenValue(write) ||
      own.isVarying ||
      // A condition may depend on anything, and nobody looked into it.
      rules.some((rule) => rule.is_conditional) ||
      actions.some((action) => action.isVarying),
  };
}

const NOTHING: Step = { done: [], next: [], rewritten: [], isVarying: false };

/** As `pg_rewrite.ev_type` has them. */
const EVENTS: Readonly<Record<WriteOperation, string>> = { update: '2', insert: '3', delete: '4' };

function withoutRules(write: RelationWrite, relation: Relation): Step {
  if (relation.kind !== 'v') return { ...NOTHING, done: [write] };
  if ((relation.instead_events & eventMask([write.operation])) !== 0) {
    const rewritten = [rewrittenBy('triggers', write, relation)];
    return { ...NOTHING, rewritten, isVarying: hasProvenValue(write) };
  }
  return {
    ...NOTHING,
    next: [behindView(write, relation)],
    rewritten: [rewrittenBy('view', write, relation)],
  };
}

function rewrittenBy(
  by: RewrittenRelation['by'],
  { operation }: RelationWrite,
  { oid, resource, definition }: Relation,
): RewrittenRelation {
  return { oid, resource, operations: [operation], by, definition: digestOf(definition) };
}

/** The same write to the relation behind a view. */
function behindView(write: RelationWrite, { resource, rules }: Relation): RelationWrite {
  const view = readSimpleView(rules.find(({ event }) => event === '1')?.action ?? '()');
  if (view === null) {
    throw notPreviewable(
      `PostgreSQL cannot write through the view ${resource} (it joins, groups, limits or combines rows): name the ` +
        'table behind it.',
    );
  }
  const sources = new Map<number, ValueSource>();
  for (const [column, source] of write.sources) {
    const behind = view.columns.get(column);
    if (behind === undefined) {
      throw notPreviewable(
        `A column that the statement sets is computed by the view ${resource}: name the table behind it.`,
      );
    }
    sources.set(behind, sources.has(behind) ? { kind: 'expression', key: '', isMixed: false } : source);
  }
  return { ...write, oid: view.oid, sources };
}

/** Whether a value is set that is not compared when it varies: nobody follows it through triggers and rules. */
function hasProvenValue({ sources }: RelationWrite): boolean {
  return [...sources.values()].some(({ kind }) => kind !== 'expression' && kind !== 'default');
}

/** What the action of a rule writes. Values of the statement count as any other expression there. */
async function readAction(client: Client, rule: Rule): Promise<Pick<Rewriting, 'writes' | 'isVarying'>> {
  const tree = readNodeText(rule.action);
  const facts = await readQueryFacts(client, tree, new Set());
  const { writes, reader } = readWrittenValues(tree, facts);
  return { writes: writes.map(onceARow), isVarying: refuseVaryingValues(tree, { facts, reader }) };
}

/** An action runs for each row, however few rows it seems to write: no key and no UUID of it is proven to be one row's. */
function onceARow(write: RelationWrite): RelationWrite {
  const sources = [...write.sources].map(([column, source]): [number, ValueSource] => [
    column,
    ['made', 'drawn', 'assigned'].includes(source.kind)
      ? { kind: 'expression', key: '', isMixed: source.isMixed }
      : source,
  ]);
  return { ...write, sources: new Map(sources) };
}

/** A rule says what RETURNING gives; what other parts of the statement make of it would not be proven. */
function refuseReturnedByRules(
  named: readonly RelationWrite[],
  rewritten: readonly RewrittenRelation[],
): void {
  const rule = rewritten.find(({ by }) => by === 'rules');
  if (rule === undefined || named.length === 1 || !named.some(hasProvenValue)) return;
  throw notPreviewable(
    `Rules rewrite what is done to ${rule.resource}, and another part of the statement gets values that are assigned at ` +
      'execution: write them in two statements.',
  );
}

function merged(rewritten: readonly RewrittenRelation[]): readonly RewrittenRelation[] {
  const byKey = new Map<string, RewrittenRelation>();
  for (const relation of rewritten) {
    const key = `${relation.oid} ${relation.by}`;
    const operations = [...(byKey.get(key)?.operations ?? []), ...relation.operations];
    byKey.set(key, { ...relation, operations: [...new Set(operations)] });
  }
  return [...byKey.values()];
}

function notFollowed(): StatementRefused {
  return notPreviewable(
    'Views and rules lead to more writes than can be followed: name the tables behind them.',
  );
}
