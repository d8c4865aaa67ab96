import { z } from 'zod';

import type { RequestRow } from '../../../database/tables.ts';
import { freezeAt } from '../../../domain/calendar/freeze.ts';
import { agentOf, personOf } from '../../../domain/identity/directory.ts';
import { memberOf, type LineageMember } from '../../../domain/identity/identity.ts';
import { seesPlan, visibleFailure, type Visibility } from '../../../domain/policy/visibility.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import { shortageSchema } from '../../../contract/requirement.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import type { Standing } from './load.ts';
import { openTo, progressOf } from './progress.ts';
import type { ShownRow, ShownRule } from './shown-row.ts';

/** What a list shows of a request. */
export function summaryView(
  context: Pick<ApiContext, 'settings'>,
  caller: Caller,
  shown: {
    readonly row: ShownRow;
    /** As people are known now; null while no decision is required. */
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
    ...ratingOf(visibility === 'standing' ? null : row, progress),
    risk_reasons: hasDetails && row.risk_reasons ? [...row.risk_reasons] : null,
    summary: hasDetails ? row.summary : null,
    may_decide: row.status === 'pending' ? openTo(progress) : null,
    result: hasDetails ? (row.result as RequestSummary['result']) : null,
    failure: row.failure && visibleFailure(row.failure, visibility),
    ...(isReviewer(caller) ? temporalLink(context, row.id) : {}),
  };
}

/** How policy rated the plan. Without a row that is withheld. */
function ratingOf(row: ShownRow | null, progress: RequestSummary['progress']) {
  return {
    progress: row && progress,
    risk: row && row.risk,
    matched_rules: row?.matched_rules?.map(ruleView) ?? null,
    requirement: row && (row.requirement as RequestSummary['requirement']),
    shortage: shortagesSchema.safeParse(row?.shortage).data ?? null,
  };
}

type MatchedRules = NonNullable<RequestSummary['matched_rules']>;

/** A matched rule, as people see it. */
export function ruleView({ id, because, effect }: ShownRule): MatchedRules[number] {
  return { id, because: because ?? null, ...(effect === undefined ? {} : { effect }) };
}

/** Names are for people: a program learns no more than the accounts that it knows. */
function namedMember(caller: Caller, member: LineageMember): RequestSummary['lineage'][number] {
  if (!isReviewer(caller)) return memberOf(member);
  const agent = agentOf(caller.directory, member);
  const known = agent ?? personOf(caller.directory, member);
  if (!known) return memberOf(member);
  return { ...memberOf(member), name: known.name, kind: agent ? 'agent' : 'person' };
}

/** Freezes that would hold it if it were approved now. No freeze holds a break-glass request. */
function freezesOf(
  { policy: { policy } }: Caller,
  { status, action, environment, is_break_glass: isBreakGlass }: RequestRow,
): Pick<RequestSummary, 'freezes'> {
  if (isBreakGlass || (status !== 'pending' && status !== 'approved')) return {};
  const inForce = freezeAt(policy.freezes, { action, environment }, new Date().toISOString());
  if (inForce.length === 0) return {};
  return { freezes: inForce.map(({ id, title, to }) => ({ id, title, until: new Date(to).toISOString() })) };
}

function factsOf(row: ShownRow) {
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
    pending_since: row.pending_since?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    held_until: row.held_until?.toISOString() ?? null,
    requested_by: { issuer: row.requester_issuer, subject: row.requester_subject },
    is_break_glass: row.is_break_glass,
    ...(row.start === undefined ? {} : { start: row.start }),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    version: Number(row.version),
  };
}

/** A garbled row has none. */
const shortagesSchema = z.array(shortageSchema);

function temporalLink(
  context: Pick<ApiContext, 'settings'>,
  id: string,
): Pick<RequestSummary, 'temporal_ui_url'> {
  const { temporalUiUrl, temporal } = context.settings;
  if (!temporalUiUrl) return {};
  const namespace = encodeURIComponent(temporal.namespace);
  return { temporal_ui_url: `${temporalUiUrl}/namespaces/${namespace}/workflows/${id}` };
}
