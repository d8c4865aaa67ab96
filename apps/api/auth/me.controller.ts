import { Controller, Get } from '@nestjs/common';

import { programVersion } from '../../../configuration/version.ts';
import { groupsOf } from '../../../domain/identity/directory.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { isNamed } from '../../../domain/approval/seats.ts';
import type { Me } from '../../../contract/me.ts';
import { Door } from '../http/door.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from './caller.ts';

const VERSION = programVersion();

/** Who the caller is. Accounts that the directory does not know learn here why they are refused. */
@Door('people')
@Controller('v1/me')
export class MeController {
  @Get()
  me(@CallerParam() caller: Caller): Me {
    const { identity, behind, clientId, scopes, expiresAt } = caller.principal;
    const whyNot = refusalOf(caller);
    return {
      ...knownOf(caller),
      identity: { issuer: identity.issuer, subject: identity.subject },
      is_operator: whyNot === null && isOffice(caller, 'operators'),
      is_auditor: isReviewer(caller) && isOffice(caller, 'auditors'),
      may_decide: whyNot === null,
      why_not: whyNot,
      behind: behind.map((member) => ({ ...member })),
      client: clientId,
      scopes: [...scopes],
      expires_at: expiresAt.toISOString(),
      server_time: new Date().toISOString(),
      version: VERSION,
    };
  }
}

type Known = Pick<Me, 'kind' | 'id' | 'name' | 'is_active' | 'owner' | 'accounts' | 'groups'>;

const UNKNOWN: Known = {
  kind: 'unknown',
  id: null,
  name: null,
  is_active: false,
  owner: null,
  accounts: [],
  groups: [],
};

function knownOf({ agent, person, directory, principal, isHeldByAgent }: Caller): Known {
  if (person) {
    const { id, name, active, accounts } = person;
    const hers = { ...UNKNOWN, kind: 'person' as const, id, name, is_active: active };
    // A program that holds a token of hers learns no other account of hers, and not what her groups let her do.
    if (!principal.isInteractive || isHeldByAgent) return hers;
    const shown = accounts.map(({ issuer, subject }) => ({ issuer, subject }));
    const groups = [...groupsOf(directory, id)];
    return { ...hers, accounts: shown, groups };
  }
  if (!agent) return UNKNOWN;
  const { id, name, active, owner } = agent;
  return { ...UNKNOWN, kind: 'agent', id, name, is_active: active, owner };
}

/** The same check as for a decision, so that the answer is the same. */
function refusalOf(caller: Caller): Me['why_not'] {
  try {
    reviewerOf(caller);
    return null;
  } catch (error) {
    if (isKeyturnError(error)) return { code: error.code, detail: error.message };
    throw error;
  }
}

function isOffice({ person, policy, directory }: Caller, office: 'operators' | 'auditors'): boolean {
  return person !== null && isNamed(policy.policy[office], directory, person.id);
}
