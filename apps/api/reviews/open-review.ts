import type { BreakGlassRequest } from '../../../database/break-glass.ts';
import { refuseWrongClock } from '../../../database/clock.ts';
import { gateToWorkflow } from '../../../database/gate-answers.ts';
import { readDecisions, readRequest } from '../../../database/readers.ts';
import { agentOf, personOf } from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey, isSameIdentity, type LineageMember } from '../../../domain/identity/identity.ts';
import { OWN_TARGET, ownTarget, REVIEW } from '../../../domain/policy/policy.ts';
import { callerGround } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';
import { signRequest } from '../submission/sign.ts';
import { readStart } from '../requests/started.ts';
import { startWorkflow } from '../submission/start.ts';

/**
 * Asks for the review of an emergency, in the name of everybody behind it and of all who approved it: so none of them can
 * approve it. Does nothing when the review was opened already. Refuses a workflow with its id that Keyturn did not start
 * (`foreign_run`), and one that ended before it was recorded (`internal`).
 */
export async function openReview(
  context: ApiContext,
  emergency: BreakGlassRequest,
  id: string,
): Promise<void> {
  await refuseWrongClock(context.source);
  const { policy, directory } = await callerGround(context);
  const { id: request } = emergency;
  const [requester] = emergency.lineage;
  const lineage = [...emergency.lineage, ...(await approversOf(context, emergency))];
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

/** Somebody ended the workflow of the review before it was recorded: it cannot be opened again, and that must be heard. */
async function refuseLost(context: ApiContext, id: string): Promise<void> {
  const started = await readStart(context, id);
  if (!started || started.isOpen || (await readRequest(context.source.manager, id))) return;
  throw new KeyturnError('internal', 'The workflow of the review ended before it was recorded.');
}

/** Whoever answered for an emergency does not judge it as well. Those who are behind it anyway are not named again. */
async function approversOf(
  { source }: Pick<ApiContext, 'source'>,
  { id, lineage }: BreakGlassRequest,
): Promise<readonly LineageMember[]> {
  const decisions = await readDecisions(source.manager, id);
  const approvals = decisions.filter(
    ({ outcome, verdict }) => outcome === 'counted' && verdict === 'approve',
  );
  const accounts = new Map(
    approvals.map(({ reviewer_issuer: issuer, reviewer_subject: subject }) => {
      const account = { issuer, subject };
      return [identityKey(account), account] as const;
    }),
  );
  return [...accounts.values()]
    .filter((account) => !lineage.some((member) => isSameIdentity(member, account)))
    .map((account) => ({ ...account, role: 'editor' }));
}
