import { z } from 'zod';

import { readDecisions, readIntactPlan, readRequest } from '../../../database/readers.ts';
import { earlierRefusals } from '../../../database/request-list.ts';
import type { DecisionRow, RequestRow } from '../../../database/tables.ts';
import { reviewId } from '../../../domain/identity/ids.ts';
import { budgetRoot } from '../../../domain/execution/budgets.ts';
import { freezeAt } from '../../../domain/calendar/freeze.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { openEnvelope } from '../../../domain/crypto/envelope.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { agentOf, personById, personOf, type Directory } from '../../../domain/identity/directory.ts';
import { memberOf, type LineageMember } from '../../../domain/identity/identity.ts';
import { plainRules } from '../../../domain/policy/plain-rules.ts';
import type { Plan, StoredPlan } from '../../../domain/request/plan.ts';
import { unseal } from '../../../domain/crypto/sealing.ts';
import {
  isOwnMistake,
  seesPlan,
  visibleFailure,
  type Visibility,
} from '../../../domain/policy/visibility.ts';
import { shortageSchema } from '../../../contract/shortage.ts';
import type { DecisionView } from '../../../contract/history.ts';
import type { RequestSummary, RequestView } from '../../../contract/requests.ts';
import { canRead, isReviewer, type Caller } from '../auth/caller.ts';
import { seenAnew } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';
import { boundOrRefused } from './signed-rows.ts';
import { notFound, standingOf, type Standing } from './load.ts';
import type { ShownRow, ShownRule } from './shown-row.ts';
import { openTo, progressOf } from './progress.ts';
import { sightOf } from './visibility.ts';

/** The whole request as the reader may see it. */
export async function requestView(
  context: ApiContext,
  caller: Caller,
  known: RequestRow,
): Promise<RequestView> {
  const { manager } = context.source;
  const row = await boundOrRefused(context, known);
  const decisions = await readDecisions(manager, row.id);
  const { visibility, isOwn } = await sightOf(context, caller, { row, decisions });
  const standing = await standingOf(context, caller, { row, decisions });
  const summary = summaryView(context, caller, { row, standing, visibility });
  // Those behind a request sent its arguments and claims, so they may see them at any time.
  const words = visibility === 'whole' || isOwn ? await wordsOf(context, row) : {};
  if (!seesPlan(visibility))
    return {
      ...summary,
      ...words,
      ...(isOwn ? ownMistake(row) : {}),
      ...(await denialView(context, caller, { summary, row })),
    };
  const plan = row.plan_digest === null ? null : await readIntactPlan(manager, row.id, row.plan_digest);
  const views = await Promise.all(
    decisions.map((decision) => decisionView(context, caller.directory, decision)),
  );
  const review = await reviewView(context, row);
  const earlier = await earlierView(context, caller, row);
  const planned = plan ? { plan: shownPlan(plan.body), summary: plan.body.summary } : {};
  const details = { ...planned, decisions: views, review, ...earlier };
  return { ...summary, ...words, ...details } as RequestView;
}

/**
 * The same once the caller waited: as they are known now, and not as they were when they called. Refuses whoever may not
 * know of the request any more, and whose token has ended.
 */
export async function viewAfterWait(
  context: ApiContext,
  caller: Caller,
  row: RequestRow,
): Promise<RequestView> {
  const now = await seenAnew(context, caller);
  if (!canRead(now, row.lineage)) throw notFound();
  return requestView(context, now, row);
}

/** Why policy denied it, for those behind it: as far as no data of the target decided that. */
async function denialView(
  { source, policies }: ApiContext,
  caller: Caller,
  { summary, row }: { readonly summary: RequestSummary; readonly row: ShownRow },
): Promise<Pick<RequestView, 'matched_rules'>> {
  const { matched_rules: known } = summary;
  if (known !== null || row.denied_by !== 'policy' || !row.matched_rules) return { matched_rules: known };
  const created = await policies.byDigest(source.manager, row.creation_policy_digest);
  const plain = plainRules(row.matched_rules, [created, caller.policy.policy]);
  return { matched_rules: plain.length === 0 ? null : plain.map(ruleView) };
}

/** What is wrong with what they proposed, for those behind it. */
function ownMistake({
  action,
  failure,
  plan_digest: plan,
}: RequestRow): Partial<Pick<RequestView, 'failure'>> {
  return failure && isOwnMistake(action, failure, { hasPlan: plan !== null }) ? { failure } : {};
}

/** The review that followed an emergency, or null. */
async function reviewView(context: ApiContext, row: RequestRow): Promise<RequestView['review']> {
  if (!row.is_break_glass) return null;
  const review = await readRequest(context.source.manager, reviewId(context.keys.identity, row.id));
  return review && { id: review.id, status: review.status };
}

/** Asking again until somebody agrees must not look like asking for the first time. */
async function earlierView(
  context: ApiContext,
  { directory }: Caller,
  row: RequestRow,
): Promise<Pick<RequestView, 'earlier_refusals'>> {
  const accounts = [...row.lineage, ...budgetRoot(directory, row.lineage).accounts];
  const { count, withdrawn, latest } = await earlierRefusals(context.source.manager, row, accounts);
  if (count === 0) return {};
  const items = latest.map(({ id, status, created_at }) => ({
    id,
    status,
    created_at: created_at.toISOString(),
  }));
  return { earlier_refusals: { count, withdrawn, latest: items } };
}

/** The plan for people, without what only binds its digests. */
function shownPlan({ salt: _salt, target_digest: _target, ...plan }: StoredPlan): Plan {
  return plan;
}

/** What a list shows of a request. */
export function summaryView(
  context: Pick<ApiContext, 'settings'>,
  caller: Caller,
  shown: {
    readonly row: ShownRow;
    /** As people are known now; null while nothing is asked of them. */
    readonly standing: Standing | null;
    readonly visibility: Visibility;
  },
): RequestSummary {
  const { row, visibility } = shown;
  const hasDetails = seesPlan(visibility);
  const progress = shown.standing && progressOf(row, shown.standing, visibility === 'whole');
  return {
    ...factsOf(row),
    lineage: row.lineage.map((member) => namedMember(caller, member)),
    ...freezesOf(caller, row),
    ...(visibility === 'standing' ? UNRATED : ratingOf(row, progress)),
    risk_reasons: hasDetails && row.risk_reasons ? [...row.risk_reasons] : null,
    summary: hasDetails ? row.summary : null,
    may_decide: row.status === 'pending' ? openTo(progress) : null,
    result: hasDetails ? (row.result as RequestSummary['result']) : null,
    failure: row.failure && visibleFailure(row.failure, visibility),
    ...(isReviewer(caller) ? temporalLink(context, row.id) : {}),
  };
}

type Rating = Pick<RequestSummary, 'risk' | 'matched_rules' | 'requirement' | 'progress' | 'shortage'>;

/** What policy made of a plan, withheld. */
const UNRATED: Rating = {
  risk: null,
  matched_rules: null,
  requirement: null,
  progress: null,
  shortage: null,
};

function ratingOf(row: ShownRow, progress: RequestSummary['progress']): Rating {
  return {
    progress,
    risk: row.risk,
    matched_rules: row.matched_rules?.map(ruleView) ?? null,
    requirement: row.requirement as RequestSummary['requirement'],
    shortage: shortagesSchema.safeParse(row.shortage).data ?? null,
  };
}

type MatchedRules = NonNullable<RequestSummary['matched_rules']>;

type Facts = Omit<
  RequestSummary,
  keyof Rating | 'risk_reasons' | 'summary' | 'may_decide' | 'failure' | 'result' | 'lineage' | 'freezes'
>;

function ruleView({ id, because, effect }: ShownRule): MatchedRules[number] {
  return { id, because: because ?? null, ...(effect === undefined ? {} : { effect }) };
}

/** Names are for people: what a program is behind learns no more than the accounts that it knows. */
function namedMember(caller: Caller, member: LineageMember): RequestSummary['lineage'][number] {
  if (!isReviewer(caller)) return memberOf(member);
  const agent = agentOf(caller.directory, member);
  const known = agent ?? personOf(caller.directory, member);
  if (!known) return memberOf(member);
  return { ...memberOf(member), name: known.name, kind: agent ? 'agent' : 'person' };
}

/** What would hold it back if it were approved now. An emergency is held back by no freeze. */
function freezesOf(
  { policy: { policy } }: Caller,
  { status, action, environment, is_break_glass: isBreakGlass }: RequestRow,
): Pick<RequestSummary, 'freezes'> {
  if (isBreakGlass || (status !== 'pending' && status !== 'approved')) return {};
  const inForce = freezeAt(policy.freezes, { action, environment }, new Date().toISOString());
  if (inForce.length === 0) return {};
  return { freezes: inForce.map(({ id, title, to }) => ({ id, title, until: new Date(to).toISOString() })) };
}

function factsOf(row: ShownRow): Facts {
  return {
    id: row.id,
    action: row.action,
    schema_version: row.schema_version,
    target: row.target,
    environment: row.environment,
    mode: row.mode,
    status: row.status,
    denied_by: row.denied_by,
    round: row.round,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    ...instantsOf(row),
    requested_by: { issuer: row.requester_issuer, subject: row.requester_subject },
    is_break_glass: row.is_break_glass,
    ...(row.start === undefined ? {} : { start: row.start }),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    version: Number(row.version),
  };
}

/** A row that somebody garbled says nothing of it. */
const shortagesSchema = z.array(shortageSchema);

function instantsOf(row: RequestRow): Pick<RequestSummary, 'pending_since' | 'expires_at' | 'held_until'> {
  return {
    pending_since: row.pending_since?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    held_until: row.held_until?.toISOString() ?? null,
  };
}

function temporalLink(
  context: Pick<ApiContext, 'settings'>,
  id: string,
): Pick<RequestSummary, 'temporal_ui_url'> {
  const { temporalUiUrl, temporal } = context.settings;
  if (!temporalUiUrl) return {};
  const namespace = encodeURIComponent(temporal.namespace);
  return { temporal_ui_url: `${temporalUiUrl}/namespaces/${namespace}/workflows/${id}` };
}

/** The arguments and claims as they were signed. */
async function wordsOf(
  context: ApiContext,
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

/** What is sealed. A key that is gone hides it, and nothing else of the answer. */
async function openSealed(context: ApiContext, sealed: string | null, place: string): Promise<JsonValue> {
  if (sealed === null) return null;
  try {
    return await unseal(sealed, place, context.keys.sealing);
  } catch (error) {
    if (!isKeyturnError(error)) throw error;
    context.log.warn({ place, code: error.code }, 'a sealed field cannot be opened');
    return null;
  }
}

/** A decision as reviewers see it. */
export async function decisionView(
  context: ApiContext,
  directory: Directory,
  row: DecisionRow,
): Promise<DecisionView> {
  const name = row.person === null ? undefined : personById(directory, row.person)?.name;
  const reason = await openSealed(context, row.reason, `${row.id}/reason`);
  return {
    id: row.id,
    reviewer: { issuer: row.reviewer_issuer, subject: row.reviewer_subject },
    person: row.person,
    ...(name === undefined ? {} : { person_name: name }),
    verdict: row.verdict,
    at: row.at.toISOString(),
    grade: row.grade,
    channel: row.channel,
    reason: typeof reason === 'string' ? reason : null,
    defer_until: row.defer_until?.toISOString() ?? null,
    defer_to: row.defer_to,
    outcome: row.outcome,
    refusal: row.refusal,
    round: row.round,
  };
}
