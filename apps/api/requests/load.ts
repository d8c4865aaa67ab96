import { decisionDirectories, type KnownPeople } from '../../../database/decision-directories.ts';
import { readGateAnswer } from '../../../database/gate-answers.ts';
import { newRequest } from '../../../database/new-request.ts';
import { decidableRequest, readDecided, type DecidedRow } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import {
  standingRequest,
  type DecidableRequest,
  type DecisionDirectories,
} from '../../../domain/approval/seats.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import { targetOf } from '../../../domain/policy/policy.ts';
import { requestIdSchema } from '../../../contract/values.ts';
import { canRead, isOwnRequest, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { answeredRow } from './answered-row.ts';
import { readStart, type StartedRequest } from './started.ts';
import type { ShownRow } from './shown-row.ts';

/** What it takes to find a request in the database or, unrecorded, in Temporal. */
type Finding = Pick<ApiContext, 'source' | 'policies' | 'keys' | 'temporal' | 'log'>;

/** What it takes to know the people of a request. */
type Knowing = Pick<ApiContext, 'source' | 'policies' | 'directories'>;

/** A request that the caller may know of, with its decisions. Refuses (`not_found`) all others alike. */
export async function loadRequest(context: Finding, caller: Caller, id: string): Promise<DecidedRow> {
  if (!requestIdSchema.safeParse(id).success) throw notFound();
  const found =
    (await readDecided(context.source.manager, id)) ??
    (await readAnswered(context, id)) ??
    (await readUnrecorded(context, id));
  if (!found || !canRead(caller, found.row.lineage)) throw notFound();
  return found;
}

/** A request that was allowed on the spot: there is no workflow, and no other row. */
async function readAnswered(context: Finding, id: string): Promise<DecidedRow | null> {
  const answer = await readGateAnswer(context.source.manager, id);
  return answer && undecided(await answeredRow(context, answer));
}

/** A request without a row has no decisions either. */
export function undecided(row: RequestRow): DecidedRow {
  return { row, decisions: [] };
}

/** A request that was accepted while no worker could record it: known to Temporal only. */
async function readUnrecorded(context: Finding, id: string): Promise<DecidedRow | null> {
  const started = await readStart(context, id);
  if (!started) return null;
  // The row may have been written between the two reads.
  return (await readDecided(context.source.manager, id)) ?? undecided(await startedRow(context, started));
}

/** A request that only Temporal knows. Once its workflow has ended it is never recorded, so it is over. */
export async function startedRow(
  context: Pick<ApiContext, 'policies' | 'source'>,
  started: StartedRequest,
): Promise<ShownRow> {
  const row = await unrecordedRow(context, started);
  return started.isOpen ? row : { ...row, status: 'failed', failure: LOST };
}

const LOST = {
  code: 'workflow_lost',
  detail: 'The workflow of this request ended before it was recorded: nothing was executed.',
} as const;

/** The row of a request that is not recorded yet. Version 0 marks it. */
export async function unrecordedRow(
  context: Pick<ApiContext, 'policies' | 'source'>,
  { signed, envelope }: Pick<StartedRequest, 'signed' | 'envelope'>,
): Promise<ShownRow> {
  const policy = await context.policies.byDigest(context.source.manager, signed.policy_digest);
  const environment = targetOf(policy, signed.target)?.environment ?? '';
  const { start } = signed;
  return { ...newRequest(signed, { envelope, environment }), ...(start === undefined ? {} : { start }) };
}

/** The people of a request as the caller's policy and directory know them, and those of its creation. */
export async function directoriesOf(
  context: Knowing,
  caller: Caller,
  request: Partial<KnownPeople> & { readonly row: RequestRow },
): Promise<DecisionDirectories> {
  const { directory, policy } = caller;
  const atCreation = request.atCreation ?? (await directoryAtCreation(context, caller, request.row));
  const today = { policy: policy.policy, directory };
  return decisionDirectories(context, context.source.manager, { ...request, atCreation, today });
}

/** The directory as it was when the request was made: where it has not changed since, the caller's, without a query. */
export async function directoryAtCreation(
  { source: { manager }, directories }: Pick<Knowing, 'source' | 'directories'>,
  { directoryGeneration, directoryChangedAtMs }: Caller,
  { created_at: at }: RequestRow,
): Promise<Directory> {
  // A row whose time was altered to be none is read all the same, so that its evidence shows it.
  const isLater = at instanceof Date && at.getTime() > directoryChangedAtMs;
  if (!isLater) return directories.at(manager, at);
  return (await directories.ofGeneration(manager, directoryGeneration, at)).directory;
}

/** A request with its decisions, and its people where they were read already. */
export interface KnownRow extends DecidedRow {
  readonly people?: KnownPeople;
}

/** A request as people are known now. */
export interface Standing {
  readonly request: DecidableRequest;
  /** Null for what is not pending any more: it is as it was decided. */
  readonly directories: DecisionDirectories | null;
}

/** The request as people are known now, or null while no decision is required. */
export async function standingOf(
  context: Knowing,
  caller: Caller,
  { row, decisions, people }: KnownRow,
): Promise<Standing | null> {
  const request = decidableRequest(row, decisions, caller.policy.policy);
  if (!request || row.status !== 'pending') return request && { request, directories: null };
  const directories = await directoriesOf(context, caller, { row, ...people });
  return { request: standingRequest(request, directories), directories };
}

/** True when the caller stands behind the request. */
export async function isOwn(
  context: Omit<Knowing, 'policies'>,
  caller: Caller,
  { row, people }: Pick<KnownRow, 'row' | 'people'>,
): Promise<boolean> {
  if (isOwnRequest(caller, row.lineage, [caller.directory])) return true;
  const atCreation = people?.atCreation ?? (await directoryAtCreation(context, caller, row));
  return isOwnRequest(caller, row.lineage, [caller.directory, atCreation]);
}

/** Says the same of what does not exist and of what the caller may not know. */
export function notFound(): KeyturnError {
  return new KeyturnError('not_found', 'There is no such request, or you may not see it.');
}
