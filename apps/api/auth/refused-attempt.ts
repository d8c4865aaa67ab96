import type { EntityManager } from 'typeorm';

import {
  noteRefusedAttempt,
  recordRefusedAttempt,
  type NotedAttempt,
} from '../../../database/refused-attempts.ts';
import type { LeafDraft } from '../../../domain/audit/leaf.ts';
import { personPseudonym, pseudonymOf } from '../../../domain/identity/ids.ts';
import { isKeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/http-statuses.ts';
import { requestIdSchema } from '../../../contract/values.ts';
import type { DecisionBody } from '../../../contract/decisions.ts';
import type { Caller } from './caller.ts';
import type { ApiContext } from '../context.ts';
import { nextOfRequest } from '../entries.ts';

/** What somebody tried on a request. */
export interface Attempt {
  readonly caller: Caller;
  readonly id: string;
  /** How it was delivered: as a decision, as a request for a ticket, or as a withdrawal. */
  readonly delivery: 'decision' | 'ticket' | 'withdrawal';
  /** What was to be decided, and on what; null of a withdrawal. */
  readonly decided: Pick<DecisionBody, 'verdict' | 'decision_digest'> | null;
}

/** An attempt that leaves no entry in the log of a request. */
interface OtherAttempt {
  readonly caller: Caller;
  readonly delivery: 'resolution' | 'switch' | 'proposal';
  /** The request that it is about, where there is one. */
  readonly id?: string;
}

/** Does `work`. When it is refused, that leaves a count and a line in the log of this process. */
export async function countRefusal<Result>(
  context: Pick<ApiContext, 'keys' | 'metrics' | 'log'>,
  attempt: OtherAttempt,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isKeyturnError(error) && statusOf(error.code) < 500) report(context, attempt, error.code);
    throw error;
  }
}

/**
 * Does `work`. When it is refused, that leaves an entry in the log of the request, a count and a line in the log of this
 * process: auditors look first at who tried to decide what they may not. The caller gets the same refusal whether or not
 * it could be recorded.
 */
export async function auditRefusal<Result>(
  context: Pick<ApiContext, 'source' | 'keys' | 'metrics' | 'log'>,
  attempt: Attempt,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = refusalIn(attempt, error);
    if (code !== null) await recordAttempt(context, attempt, code);
    throw error;
  }
}

/** Null for what is no refusal: a failure of Keyturn itself, or a withdrawal that came too late, which breaks no rule. */
function refusalIn({ delivery }: Attempt, error: unknown): ErrorCode | null {
  if (!isKeyturnError(error) || statusOf(error.code) >= 500) return null;
  const isForeign = error.code === 'forbidden' || error.code === 'not_found';
  return delivery === 'withdrawal' && !isForeign ? null : error.code;
}

/** Counts and logs an attempt. Answers which request it is about and who tried. */
function report(
  { log, metrics, keys }: Pick<ApiContext, 'keys' | 'metrics' | 'log'>,
  { caller, delivery, id }: Attempt | OtherAttempt,
  code: ErrorCode,
): { readonly request: string | null; readonly account: string } {
  const request = requestIdSchema.safeParse(id).data ?? null;
  const account = pseudonymOf(keys.identity, caller.principal.identity);
  metrics.refusedAttempts.inc({ delivery, code });
  log.warn({ request, account, delivery, code }, 'an attempt to decide was refused');
  return { request, account };
}

async function recordAttempt(
  context: Pick<ApiContext, 'source' | 'keys' | 'metrics' | 'log'>,
  attempt: Attempt,
  code: ErrorCode,
): Promise<void> {
  const { log, source } = context;
  const { request, account } = report(context, attempt, code);
  if (request === null) return;
  try {
    await source.transaction(async (manager) => {
      const noted = await noteRefusedAttempt(manager, { request, account, code });
      if (noted) await record(context, manager, { ...attempt, code, noted });
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    log.error({ request, account, code, err: name }, 'a refused attempt could not be recorded');
  }
}

interface Recorded extends Attempt {
  readonly code: ErrorCode;
  readonly noted: NotedAttempt;
}

async function record(
  { keys }: Pick<ApiContext, 'keys'>,
  manager: EntityManager,
  attempt: Recorded,
): Promise<void> {
  const { principal, person } = attempt.caller;
  const { issuer, subject } = principal.identity;
  const client = principal.clientId === null ? null : { issuer, subject: principal.clientId };
  const names = {
    account: pseudonymOf(keys.identity, principal.identity),
    client: client && pseudonymOf(keys.identity, client),
    person: person && personPseudonym(keys.identity, person.id),
  };
  const { text } = nextOfRequest(
    { ...attempt.noted, request: attempt.id },
    'attempt',
    draftOf(attempt, names),
  );
  await recordRefusedAttempt(manager, text, {
    [names.account]: { issuer, subject },
    ...(client && names.client && { [names.client]: client }),
    ...(person && names.person && { [names.person]: { person: person.id } }),
  });
}

type Names = Readonly<Record<'account', string> & Record<'client' | 'person', string | null>>;

/** An account without a person of the directory counts as an agent. */
function draftOf({ caller, delivery, decided, code, noted }: Recorded, names: Names): Omit<LeafDraft, 'at'> {
  const kind = caller.person === null ? 'agent' : 'person';
  const { person, client } = names;
  return {
    type: decided === null ? 'request.withdrawal_refused' : 'decision.attempt_refused',
    actor: { pseudonym: names.account, kind, via: caller.principal.channel },
    intent_digest: noted.intent_digest,
    decision_digest: decided?.decision_digest ?? null,
    policy_digest: null,
    facts: {
      code,
      delivery,
      verdict: decided?.verdict ?? null,
      person,
      client,
      counted_as: noted.account,
      count: noted.attempts,
    },
    evidence: null,
    parts: {},
  };
}
