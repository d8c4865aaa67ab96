import type { EntityManager } from 'typeorm';

import type { BacktestRecord } from '../policy-authoring/backtest.ts';
import { rows } from './rows.ts';

/** Which records are read: `since` up to, and not including, `until`. */
export interface RecordSpan {
  readonly since: Date;
  readonly until: Date;
}

/** A record with what it is read on from. */
export interface ReadRecord {
  /** Id of the evaluation. */
  readonly id: string;
  readonly record: BacktestRecord;
}

const BATCH = 500;

interface RecordRow extends Omit<BacktestRecord, 'outcome'> {
  readonly id: string;
  readonly is_approved: boolean;
}

/**
 * The last evaluation of each round of each planned request, in the order of recording, with what people said until the
 * end of the span. What happens after `until` changes nothing, so that the same span can be read again.
 */
export async function* backtestRecords(
  manager: EntityManager,
  { since, until }: RecordSpan,
): AsyncGenerator<ReadRecord> {
  for (let after = '0'; ;) {
    const batch = await rows<RecordRow>(manager, QUERY, [since, until, after, BATCH]);
    for (const { id, is_approved: isApproved, ...record } of batch)
      yield { id, record: { ...record, outcome: outcomeOf(record, isApproved) } };
    const last = batch.at(-1);
    if (!last || batch.length < BATCH) return;
    after = last.id;
  }
}

/** The records alone. */
export async function* recordsOf(manager: EntityManager, span: RecordSpan): AsyncGenerator<BacktestRecord> {
  for await (const { record } of backtestRecords(manager, span)) yield record;
}

const QUERY = `
  select evaluation.id, evaluation.request, evaluation.round, fact_set.body as facts, request.lineage,
         course.is_approved, course.pending_since,
         exists (
           select 1 from audit.entry
           where entry.request = evaluation.request and (leaf::jsonb ->> 'at')::timestamptz < $2
             and type in ('request.expired', 'request.denied', 'request.plan_failed', 'execution.failed',
               'execution.not_done', 'execution.indeterminate')) as has_failed, coalesce(said.decisions, '[]') as decisions
  from keyturn.evaluation
    join keyturn.request on request.id = evaluation.request
    left join keyturn.fact_set on fact_set.digest = evaluation.facts_digest
    left join lateral (
      select coalesce(bool_or(type = 'request.approved'), false) as is_approved,
             max(leaf::jsonb -> 'facts' ->> 'pending_since') filter (where type = 'request.pending') as pending_since
      from audit.entry
      where entry.request = evaluation.request and type in ('request.approved', 'request.pending')
        and (leaf::jsonb ->> 'at')::timestamptz < $2
        and (leaf::jsonb -> 'facts' ->> 'round')::int = evaluation.round
    ) course on true
    left join lateral (
      select jsonb_agg(jsonb_build_object(
               'id', id, 'person', person, 'verdict', verdict, 'grade', grade, 'seats', seats,
               'at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by recorded_at, id) as decisions
      from keyturn.decision
      where decision.request = evaluation.request and decision.round = evaluation.round
        and outcome = 'counted' and person is not null and recorded_at < $2 and verdict <> 'take_back'
        and not exists (
          select from keyturn.decision later where later.request = decision.request
            and later.takes_back = decision.id and later.outcome = 'counted' and later.recorded_at < $2)
    ) said on true
  where evaluation.phase = 'planned' and evaluation.at >= $1 and evaluation.at < $2 and evaluation.id > $3
    and not exists (
      select 1 from keyturn.evaluation later
      where later.request = evaluation.request and later.round = evaluation.round and later.phase = 'planned'
        and later.at < $2 and later.id > evaluation.id)
  order by evaluation.id limit $4`;

function outcomeOf(
  { decisions }: Pick<RecordRow, 'decisions'>,
  isApproved: boolean,
): BacktestRecord['outcome'] {
  if (decisions.some(({ verdict }) => verdict === 'deny')) return 'denied';
  return isApproved ? 'approved' : 'open';
}
