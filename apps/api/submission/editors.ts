import { readProposer } from '../../../database/policy-proposals.ts';
import { readRequest } from '../../../database/readers.ts';
import { peopleBehind, personById, provenOf, type Directory } from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  memberOf,
  type Identity,
  type Lineage,
  type LineageMember,
} from '../../../domain/identity/identity.ts';
import { PUBLISH, RESOLVE } from '../../../domain/policy/policy.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { CreateBody } from '../../../contract/requests.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { isOwnRequest, actingPersonOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { lineageOf, unique } from './lineage.ts';

interface Submitted {
  readonly caller: Caller;
  readonly body: Pick<CreateBody, 'action' | 'arguments' | 'on_behalf_of'>;
}

type Reading = Pick<ApiContext, 'source' | 'directories'>;

/** Everybody behind a request: behind the call, and behind what its arguments name. */
export async function lineageWithEditors(context: Reading, submitted: Submitted): Promise<Lineage> {
  const ofCall = lineageOf(submitted.caller, submitted.body);
  return unique([...ofCall, ...(await editorsOf(context, submitted))]);
}

/** The same for a real submission: reporting an outcome without the right to is counted. */
export async function lineageOfAttempt(
  context: Reading & Parameters<typeof countRefusal>[0],
  submitted: Submitted,
): Promise<Lineage> {
  const { caller, body } = submitted;
  if (body.action !== RESOLVE.action) return lineageWithEditors(context, submitted);
  const { request: id } = body.arguments;
  const attempt = { caller, delivery: 'resolution' as const, ...(typeof id === 'string' && { id }) };
  return countRefusal(context, attempt, () => lineageWithEditors(context, submitted));
}

/**
 * Who else is behind what the arguments name: for a policy, who proposed it; for the outcome of an action, everybody behind
 * that action. Refuses a policy that nobody proposed, and a request that does not exist.
 */
async function editorsOf(context: Reading, submitted: Submitted): Promise<readonly LineageMember[]> {
  const { action } = submitted.body;
  if (action === PUBLISH.action) return proposerOf(context, submitted);
  return action === RESOLVE.action ? everybodyBehind(context, submitted) : [];
}

async function proposerOf({ source }: Reading, { body }: Submitted): Promise<readonly LineageMember[]> {
  const digest = digestSchema.safeParse(body.arguments['candidate']);
  // What is no digest is refused with the other arguments.
  if (!digest.success) return [];
  const proposer = await readProposer(source.manager, digest.data);
  if (proposer === undefined)
    throw new KeyturnError(
      'unknown_policy',
      'No policy with this digest has been proposed. Run keyturn policy publish.',
    );
  return proposer === null ? [] : [{ ...proposer, role: 'editor' }];
}

/**
 * None of them reports its outcome: a requester would vouch for their own request. The caller is the first of the two people
 * whom a report takes, so the caller is a person too.
 */
async function everybodyBehind(
  { source, directories }: Reading,
  { body, caller }: Submitted,
): Promise<readonly LineageMember[]> {
  actingPersonOf(caller);
  const { request } = body.arguments;
  // What is no id is refused with the other arguments.
  if (typeof request !== 'string') return [];
  const row = await readRequest(source.manager, request);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  const atCreation = await directories.at(source.manager, row.created_at);
  if (isOwnRequest(caller, row.lineage, [caller.directory, atCreation]))
    throw new KeyturnError(
      'self_approval',
      'You are behind that request, so somebody else has to report its outcome.',
    );
  const lost = accountsOfLost(row.lineage, { now: caller.directory, atCreation });
  // Where an account is named twice the first counts: what is proven must not look declared.
  return [...provenOf(row.lineage), ...lost, ...row.lineage].map((member) =>
    memberOf({ ...member, role: 'editor' }),
  );
}

/** Current accounts of people who were behind a request at its creation and whom its lineage no longer leads to. */
function accountsOfLost(
  lineage: Lineage,
  { now, atCreation }: { readonly now: Directory; readonly atCreation: Directory },
): readonly Identity[] {
  const known = new Set(peopleBehind(now, lineage));
  return peopleBehind(atCreation, lineage)
    .filter((id) => !known.has(id))
    .flatMap((id) => personById(now, id)?.accounts.slice(0, 1) ?? []);
}
