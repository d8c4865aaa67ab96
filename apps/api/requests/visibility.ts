import { z } from 'zod';

import { readOnCall, type OnCall } from '../../../database/on-call.ts';
import type { DecisionRow, RequestRow } from '../../../database/tables.ts';
import { requiredSelectors } from '../../../domain/approval/decision.ts';
import { polledScopes } from '../../../domain/approval/on-call.ts';
import { ownersOf } from '../../../domain/approval/owners.ts';
import { isSelected, type SelectorScope } from '../../../domain/approval/seats.ts';
import type { Selector } from '../../../domain/request/requirement.ts';
import {
  readersWithoutRequirement,
  visibilityOf,
  type Visibility,
} from '../../../domain/policy/visibility.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import { isAuditReader } from '../auth/operator.ts';
import type { ApiContext } from '../context.ts';
import { isOwn, type KnownRow } from './load.ts';

/** What one caller may see of one request. */
export interface CallerVisibility {
  readonly visibility: Visibility;
  readonly isOwn: boolean;
  /** The caller has a seat in some stage of the request, open or not. */
  readonly hasSeat: boolean;
}

type Reading = Pick<ApiContext, 'source' | 'directories'>;

/** What a caller may see of a request. Every answer about a request depends on it. */
export async function callerVisibility(
  context: Reading,
  caller: Caller,
  seen: KnownRow,
): Promise<CallerVisibility> {
  const { row, decisions } = seen;
  const own = await isOwn(context, caller, seen);
  const counted = decisions.filter(({ outcome }) => outcome === 'counted');
  const hasSeat = !own && (await holdsSeat(context, caller, seen));
  const isNamed = hasSeat || (!own && hasPart(caller, counted));
  const standing = {
    status: row.status,
    // The plan of a gate request is the request itself: there is no rehearsal.
    hasPlan: row.plan_digest !== null && row.mode !== 'gate',
    isDecided: counted.some(({ round, verdict }) => round === row.round && verdict !== 'defer'),
  };
  return { visibility: visibilityOf({ isOwn: own, isNamed }, standing), isOwn: own, hasSeat };
}

/** True for operators, auditors, and people who decided. */
function hasPart(caller: Caller, counted: readonly DecisionRow[]): boolean {
  const { person } = caller;
  if (person === null || !isReviewer(caller)) return false;
  if (isAuditReader(caller, person.id)) return true;
  return counted.some((decision) => decision.person === person.id);
}

async function holdsSeat(context: Reading, caller: Caller, { row, people }: KnownRow): Promise<boolean> {
  const { person, policy } = caller;
  if (person === null || !isReviewer(caller)) return false;
  const selectors = namedSelectors(caller, row);
  if (selectors.length === 0) return false;
  const owners = ownersOf(policy.policy, row);
  // Everybody in a rotation counts, on call or not: their turn may come.
  const question = { owners, onCall: people?.onCall, at: new Date(), duty_at: null };
  const scope = await scopeNow(context, caller, question);
  return selectors.some((selector) => isSelected(scope, selector, person.id));
}

/** Whom a request names in any of its stages. */
export function namedSelectors(
  { policy: { policy } }: Caller,
  { requirement, denied_by }: RequestRow,
): readonly Selector[] {
  // A garbled requirement names nobody: then only operators see the request.
  if (requirement !== null)
    return namingSchema.safeParse(requirement).success ? requiredSelectors({ requirement }) : [];
  // Nobody had to decide it: adding a rule that forbids must not show plans to more people.
  return denied_by === 'policy' ? [] : readersWithoutRequirement(policy);
}

const namingSchema = z.object({
  rules: z.array(
    z.object({
      stages: z.array(
        z.object({ any: z.array(z.string()), escalate: z.array(z.object({ to: z.string() })) }),
      ),
    }),
  ),
});

interface ScopeQuestion extends Pick<SelectorScope, 'owners' | 'duty_at'> {
  readonly onCall?: OnCall | undefined;
  readonly at: Date;
}

/** Where selectors are resolved by the caller's policy and directory. */
export async function scopeNow(
  { source }: Pick<ApiContext, 'source'>,
  { directory, policy: { policy } }: Caller,
  { owners, onCall, at, duty_at }: ScopeQuestion,
): Promise<SelectorScope> {
  const { polled } =
    onCall ?? (await readOnCall(source.manager, { now: policy, creation: policy, createdAt: at }));
  const kept = polledScopes(polled, at.toISOString()).now;
  return { directory, owners, rotations: policy.rotations, ...kept, duty_at };
}
