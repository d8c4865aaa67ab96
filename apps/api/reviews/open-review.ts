import type { BreakGlassRequest } from '../../../database/break-glass.ts';
import { refuseWrongClock } from '../../../database/clock.ts';
import { gateToWorkflow } from '../../../database/gate-answers.ts';
import { readDecisions, readRequest } from '../../../database/readers.ts';
import { agentOf, personOf } from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isSameIdentity, type LineageMember } from '../../../domain/identity/identity.ts';
import { OWN_TARGET, ownTarget, REVIEW } from '../../../domain/policy/policy.ts';
import { callerSnapshot } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';
import { unique } from '../submission/lineage.ts';
import { signRequest } from '../submission/sign.ts';
import { readStart } from '../requests/started.ts';
import { startWorkflow } from '../submission/start.ts';

/**
 * Requests the review of a break-glass request, in the name of everybody behind it and of all who approved it: so none of
 * them can approve the review. Does nothing when the review was opened already. Refuses a workflow with its id that Keyturn
 * did not start (`foreign_run`), and one that ended before it was recorded (`internal`).
 */
export async function openReview(
  context: ApiContext,
  breakGlass: BreakGlassRequest,
  id: string,
): Promise<void> {
  await refuseWrongClock(context.source);
  const { policy, directory } = await callerSnapshot(context);
  const { id: request } = breakGlass;
  const [requester] = breakGlass.lineage;
  const lineage = unique([...breakGlass.lineage, ...(await approversOf(context, breakGlass))]);
  const body = { target: OWN_TARGET, mode: 'gate' as const, arguments: { request } };
  const signable = { id, lineage, action: REVIEW, start: undefined, body, caller: { policy } };
  const { signed, envelope } = await signRequest(context.keys, signable);
  const caller = {
    agent: (requester && agentOf(directory, requester)) ?? null,
    person: (requester && personOf(directory, requester)) ?? null,
  };
  // As for every request of this mode: its id stands for a workflow from here on, never for an answer on the spot.
  await gateToWorkflow(context.source.manager, signed);
  const target = ownTarget(policy.policy);
  if (await startWorkflow(context, { signed, envelope, action: REVIEW, target, caller }))
    context.log.warn({ request, review: id }, 'the review of a break-glass request is open');
  else await refuseLost(context, id);
}

/** A review whose workflow somebody ended before it was recorded cannot be opened again: that is an error in the log. */
async function refuseLost(
  context: Pick<ApiContext, 'source' | 'keys' | 'temporal' | 'log'>,
  id: string,
): Promise<void> {
  const started = await readStart(context, id);
  if (!started || started.isOpen || (await readRequest(context.source.manager, id))) return;
  throw new KeyturnError('internal', 'The workflow of the review ended before it was recorded.');
}

/** People who approved a break-glass request do not review it. Those behind it are in its lineage already. */
async function approversOf(
  { source }: Pick<ApiContext, 'source'>,
  { id, lineage }: BreakGlassRequest,
): Promise<readonly LineageMember[]> {
  const decisions = await readDecisions(source.manager, id);
  return decisions
    .filter(({ outcome, verdict }) => outcome === 'counted' && verdict === 'approve')
    .map(({ reviewer_issuer: issuer, reviewer_subject: subject }) => ({
      issuer,
      subject,
      role: 'editor' as const,
    }))
    .filter((approver) => !lineage.some((member) => isSameIdentity(member, approver)));
}
