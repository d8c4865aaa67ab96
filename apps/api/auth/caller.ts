import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

import type { ActivePolicy } from '../../../database/readers.ts';
import {
  agentOf,
  agentsOfClient,
  personOf,
  type Agent,
  type Directory,
  type Person,
} from '../../../domain/identity/directory.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isSameIdentity, type Lineage } from '../../../domain/identity/identity.ts';
import { standsBehind } from '../../../domain/identity/own-request.ts';
import type { Principal } from './principal.ts';

/** Who calls, by the current policy and directory. */
export interface Caller {
  readonly principal: Principal;
  readonly policy: ActivePolicy;
  readonly directory: Directory;
  /** The number of the directory's last change. */
  readonly directoryGeneration: string;
  /** When that was. */
  readonly directoryChangedAtMs: number;
  readonly person: Person | null;
  readonly agent: Agent | null;
  /** The client that got the token is an agent of the directory: a program holds it, also where it speaks for a person. */
  readonly isHeldByAgent: boolean;
}

/** A request that passed the guard. */
export interface AuthenticatedRequest extends Request {
  caller?: Caller;
  /** Who pays for the call in the rate limits, whichever door admitted it. */
  payer?: string;
}

/** The caller, as a parameter of a handler. */
export const CallerParam = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!caller) throw new Error('A handler of an unguarded route needs a caller.');
  return caller;
});

/** The policy and directory that a caller is looked up in. */
export type CallerSnapshot = Pick<
  Caller,
  'policy' | 'directory' | 'directoryGeneration' | 'directoryChangedAtMs'
>;

/** The caller of a principal. */
export function callerOf(principal: Principal, snapshot: CallerSnapshot): Caller {
  const { directory } = snapshot;
  return {
    ...snapshot,
    principal,
    person: personOf(directory, principal.identity) ?? null,
    agent: agentOf(directory, principal.identity) ?? null,
    isHeldByAgent: isHeldByAgent(principal, snapshot),
  };
}

/** An issuer's list of interactive clients may name one that the directory knows better. */
function isHeldByAgent({ identity, clients }: Principal, { policy: { policy } }: CallerSnapshot): boolean {
  return clients.some(
    (client) => agentsOfClient(policy.directory.agents, { issuer: identity.issuer, client }).length > 0,
  );
}

/**
 * True for a person of the directory who signed in herself. A token that some program holds for a person opens no more
 * than that program's own requests.
 */
export function isReviewer(caller: Caller): boolean {
  const { person, principal, isHeldByAgent: isHeld } = caller;
  return person !== null && person.active && principal.isInteractive && !isHeld;
}

/** True for a person who acts here herself: with her account, a program that holds a token of hers is still a program. */
export function isPersonHere({ principal, person, isHeldByAgent: isHeld }: Caller): boolean {
  return person !== null && principal.mayAct && !isHeld;
}

/** The person who may decide with this token at all. Refuses machines, and people whom the directory does not allow. */
export function reviewerOf(caller: Caller): Person {
  const { principal } = caller;
  if (principal.mayAct && !principal.isHuman)
    throw new KeyturnError(
      'machine_cannot_decide',
      'Tokens of the command line decide nothing, since programs can read them: open the console in a browser.',
    );
  return actingPersonOf(caller);
}

/** The person who calls: to decide takes more (`reviewerOf`). Refuses machines, and people whom the directory does not allow. */
export function actingPersonOf({ principal, person, isHeldByAgent: isHeld }: Caller): Person {
  if (!principal.mayAct || isHeld) {
    throw new KeyturnError(
      'machine_cannot_decide',
      `This requires a person who signed in interactively: ${causeOf(principal, isHeld)}.`,
    );
  }
  if (!person) {
    // About the caller's own token: it shows a provider that names the account in another claim.
    const { issuer, subject } = principal.identity;
    const message = `The directory has no person with the account of this token (${JSON.stringify(subject)} at ${issuer}).`;
    throw new KeyturnError('reviewer_unknown', message);
  }
  if (!person.active) throw new KeyturnError('reviewer_inactive', 'This reviewer is deactivated.');
  return person;
}

/** About the caller's own token: it shows who sets up a provider what is missing. */
function causeOf({ clientId, isClientOfPeople, isInteractive }: Principal, isHeld: boolean): string {
  if (isHeld) return 'the client that got the token is an agent of the directory';
  if (isInteractive) return 'the token lacks the scope to decide';
  if (clientId === null || isClientOfPeople) return 'the token belongs to a program';
  const client = JSON.stringify(clientId.slice(0, 100));
  return `the token belongs to a program, since its client ${client} is not among \`human.clients\` of the issuer`;
}

/** Refuses (`forbidden`) accounts that the directory gives to no person and no agent: an issuer has many more. */
export function refuseUnknown({ agent, person }: Caller): void {
  if (agent || person) return;
  throw new KeyturnError('forbidden', 'The directory has neither an agent nor a person with this account.');
}

/** True when the request may be known to the caller at all. */
export function canRead(caller: Caller, lineage: Lineage): boolean {
  return isReviewer(caller) || lineage.some((member) => isSameIdentity(member, caller.principal.identity));
}

/** True when the caller counts as "own" for the lineage, by account or by person, in any of the directories. */
export function isOwnRequest(
  { principal, person }: Caller,
  lineage: Lineage,
  directories: readonly Directory[],
): boolean {
  return standsBehind(lineage, { account: principal.identity, person }, directories);
}
