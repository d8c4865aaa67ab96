import { readIntactPlan, readRequest, type DecidedRow } from '../../../database/readers.ts';
import { earlierRefusals } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { openEnvelope } from '../../../domain/crypto/envelope.ts';
import { budgetRoot } from '../../../domain/execution/budgets.ts';
import { reviewId } from '../../../domain/identity/ids.ts';
import { plainRules } from '../../../domain/policy/plain-rules.ts';
import { isOwnMistake, seesPlan } from '../../../domain/policy/visibility.ts';
import type { Plan, StoredPlan } from '../../../domain/request/plan.ts';
import type { RequestSummary, RequestView } from '../../../contract/requests.ts';
import { refreshCaller } from '../auth/authenticate.ts';
import { canRead, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { decisionView, openSealed } from './decision-view.ts';
import { directoryAtCreation, notFound, standingOf } from './load.ts';
import type { ShownRow } from './shown-row.ts';
import { questionViews } from './question-view.ts';
import { rowAsSigned } from './signed-rows.ts';
import { ruleView, summaryView } from './summary.ts';
import { callerVisibility } from './visibility.ts';

/** What it takes to show requests. */
export type Showing = Pick<ApiContext, 'source' | 'policies' | 'directories' | 'keys' | 'settings' | 'log'>;

/** The whole request as the reader may see it. */
export async function requestView(
  context: Showing,
  caller: Caller,
  { row: known, decisions, questions = [] }: DecidedRow,
): Promise<RequestView> {
  const { manager } = context.source;
  const row = await rowAsSigned(context, known);
  const people = { atCreation: await directoryAtCreation(context, caller, row) };
  const { visibility, isOwn } = await callerVisibility(context, caller, { row, decisions, people });
  const standing = await standingOf(context, caller, { row, decisions, people });
  const summary = summaryView(context, caller, { row, standing, visibility });
  // Those behind a request sent its arguments and claims, so they may always see them.
  const words =
    visibility === 'whole' || isOwn
      ? {
          ...(await wordsOf(context, row)),
          ...(await questionsOf(context, { caller, visibility }, questions)),
        }
      : {};
  if (!seesPlan(visibility))
    return {
      ...summary,
      ...words,
      ...(isOwn ? ownMistake(row) : {}),
      ...(await denialView(context, caller, { summary, row })),
    };
  // None of them needs another one.
  const [plan, views, review, earlier] = await Promise.all([
    row.plan_digest === null ? null : readIntactPlan(manager, row.id, row.plan_digest),
    Promise.all(decisions.map((decision) => decisionView(context, caller, { row: decision, decisions }))),
    reviewView(context, row),
    earlierView(context, caller, row),
  ]);
  const planned = plan ? { plan: shownPlan(plan.body), summary: plan.body.summary } : {};
  const details = { ...planned, decisions: views, review, ...earlier };
  return { ...summary, ...words, ...details } as RequestView;
}

/**
 * The same after a wait, for the caller as known now instead of when the call came. Refuses a caller who may no longer
 * know of the request, or whose token has expired.
 */
export async function viewAfterWait(
  context: Showing & Pick<ApiContext, 'snapshots'>,
  caller: Caller,
  decided: DecidedRow,
): Promise<RequestView> {
  const now = await refreshCaller(context, caller);
  if (!canRead(now, decided.row.lineage)) throw notFound();
  return requestView(context, now, decided);
}

/** Why policy denied it, for those behind it: only rules that no data of the target decided. */
async function denialView(
  { source, policies }: Pick<ApiContext, 'source' | 'policies'>,
  caller: Caller,
  { summary, row }: { readonly summary: RequestSummary; readonly row: ShownRow },
): Promise<Pick<RequestView, 'matched_rules'>> {
  const { matched_rules: known } = summary;
  if (known !== null || row.denied_by !== 'policy' || !row.matched_rules) return { matched_rules: known };
  const created = await policies.byDigest(source.manager, row.creation_policy_digest);
  const plain = plainRules(row.matched_rules, [created, caller.policy.policy]);
  return { matched_rules: plain.length === 0 ? null : plain.map(ruleView) };
}

/** The failure, for those behind the request, where their own input caused it. */
function ownMistake({
  action,
  failure,
  plan_digest: plan,
}: RequestRow): Partial<Pick<RequestView, 'failure'>> {
  return failure && isOwnMistake(action, failure, { hasPlan: plan !== null }) ? { failure } : {};
}

/** The review of a break-glass request, or null. */
async function reviewView(
  { source, keys }: Pick<ApiContext, 'source' | 'keys'>,
  row: RequestRow,
): Promise<RequestView['review']> {
  if (!row.is_break_glass) return null;
  const review = await readRequest(source.manager, reviewId(keys.identity, row.id));
  return review && { id: review.id, status: review.status };
}

/** Requesting again until somebody agrees must not look like the first request. */
async function earlierView(
  { source }: Pick<ApiContext, 'source'>,
  { directory }: Caller,
  row: RequestRow,
): Promise<Pick<RequestView, 'earlier_refusals'>> {
  const accounts = [...row.lineage, ...budgetRoot(directory, row.lineage).accounts];
  const { count, withdrawn, latest } = await earlierRefusals(source.manager, row, accounts);
  if (count === 0) return {};
  const items = latest.map(({ id, status, created_at }) => ({
    id,
    status,
    created_at: created_at.toISOString(),
  }));
  return { earlier_refusals: { count, withdrawn, latest: items } };
}

/** The plan for people, without the fields that only bind its digests. */
function shownPlan({ salt: _salt, target_digest: _target, ...plan }: StoredPlan): Plan {
  return plan;
}

/** What was asked about it, with the answers. */
async function questionsOf(
  ...[context, reader, entries]: Parameters<typeof questionViews>
): Promise<Pick<RequestView, 'questions'>> {
  const questions = await questionViews(context, reader, entries);
  return questions.length === 0 ? {} : { questions: [...questions] };
}

/** The arguments and claims as they were signed. */
export async function wordsOf(
  context: Pick<ApiContext, 'keys' | 'log'>,
  row: RequestRow,
): Promise<Pick<RequestView, 'arguments' | 'claims'>> {
  const signed = await openEnvelope('request', row.envelope, context.keys.verification);
  const values = await openSealed(context, signed.arguments, `${row.id}/arguments`);
  const claims = await openSealed(context, signed.claims, `${row.id}/claims`);
  return {
    ...(values === null ? {} : { arguments: values as Record<string, never> }),
    claims: claims as RequestView['claims'],
  };
}
