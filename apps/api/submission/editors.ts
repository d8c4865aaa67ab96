import { readProposer } from '../../../database/policy-proposals.ts';
import { readRequest } from '../../../database/readers.ts';
import { peopleBehind, personById, provenOf, type Directory } from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Identity, Lineage, LineageMember } from '../../../domain/identity/identity.ts';
import { PUBLISH, RESOLVE } from '../../../domain/policy/policy.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { CreateBody } from '../../../contract/requests.ts';
import { countRefusal } from '../auth/refused-attempt.ts';
import { isOwnRequest, reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { lineageOf, unique } from './lineage.ts';

interface Submitted {
  readonly caller: Caller;
  readonly body: Pick<CreateBody, 'action' | 'arguments' | 'on_behalf_of'>;
}

type Reading = Pick<ApiContext, 'source' | 'directories'>;

/** Everybody behind a request: behind the call, and behind what its arguments name. */
export async function lineageWithEditors(context: Reading, submitted: Submitted): Promise<Lineage> {
  const asking = lineageOf(submitted.caller, submitted.body);
  return unique([...asking, ...(await editorsOf(context, submitted))]);
}

/** The same for what is asked in earnest: an outcome that the caller may not tell leaves a count. */
export async function lineageOfAttempt(
  context: Reading & Parameters<typeof countRefusal>[0],
  submitted: Submitted,
): Promise<Lineage> {
  const find = (): Promise<Lineage> => lineageWithEditors(context, submitted);
  return submitted.body.action === RESOLVE.action
    ? countRefusal(context, resolutionBy(submitted), find)
    : find();
}

/**
 * Who else is behind what the arguments name: for a policy, who proposed it; for the outcome of an action, everybody who
 * was behind that action. Refuses a policy that nobody proposed, and a request that nobody made.
 */
async function editorsOf(context: Reading, submitted: Submitted): Promise<readonly LineageMember[]> {
  switch (submitted.body.action) {
    case PUBLISH.action:
      return proposerOf(context, submitted);
    case RESOLVE.action:
      return everybodyBehind(context, submitted);
    default:
      return [];
  }
}

function resolutionBy({ caller, body }: Submitted): Parameters<typeof countRefusal>[1] {
  const { request } = body.arguments;
  return { caller, delivery: 'resolution', ...(typeof request === 'string' ? { id: request } : {}) };
}

async function proposerOf({ source }: Reading, { body }: Submitted): Promise<readonly LineageMember[]> {
  const candidate = digestSchema.safeParse(body.arguments['candidate']);
  // What is no digest is refused with the other arguments.
  if (!candidate.success) return [];
  const proposer = await readProposer(source.manager, candidate.data);
  if (proposer === undefined)
    throw new KeyturnError(
      'unknown_policy',
      'No policy with this digest has been proposed. Run keyturn policy publish.',
    );
  return proposer === null ? [] : [{ ...proposer, role: 'editor' }];
}

/**
 * None of them tells what became of it: a requester would be believed about the own request. Who asks is the first of the
 * two people whose word it takes, so that is a person too.
 */
async function everybodyBehind(
  { source, directories }: Reading,
  { body, caller }: Submitted,
): Promise<readonly LineageMember[]> {
  reviewerOf(caller);
  const { request } = body.arguments;
  // What is no id is refused with the other arguments.
  if (typeof request !== 'string') return [];
  const row = await readRequest(source.manager, request);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  const atCreation = await directories.at(source.manager, row.created_at);
  if (isOwnRequest(caller, row.lineage, [caller.directory, atCreation]))
    throw new KeyturnError(
      'self_approval',
      'You were behind that request, so somebody else has to report its outcome.',
    );
  const lost = accountsOfLost(row.lineage, { now: caller.directory, atCreation });
  // Of one account that is named twice the first counts: what is proven must not look declared.
  return [...provenOf(row.lineage), ...lost, ...row.lineage].map((member) => asEditor(member));
}

/** Whom only the caller named then is not proven by that now. */
function asEditor({ issuer, subject, is_declared: isDeclared }: Omit<LineageMember, 'role'>): LineageMember {
  return { issuer, subject, role: 'editor', ...(isDeclared ? { is_declared: true } : {}) };
}

/** Accounts of today of people who were behind a request when it was made, and whom it does not lead to any more. */
function accountsOfLost(
  lineage: Lineage,
  { now, atCreation }: { readonly now: Directory; readonly atCreation: Directory },
): readonly Identity[] {
  const known = new Set(peopleBehind(now, lineage));
  return peopleBehind(atCreation, lineage)
    .filter((id) => !known.has(id))
    .flatMap((id) => personById(now, id)?.accounts.slice(0, 1) ?? []);
}
