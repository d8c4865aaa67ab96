import { Controller, Get } from '@nestjs/common';

import { readRecordedActivation, type RecordedActivation } from '../../../database/active-policy.ts';
import { personById } from '../../../domain/identity/directory.ts';
import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { CallerParam, actingPersonOf, type Caller } from '../auth/caller.ts';
import { isAuditReader } from '../auth/operator.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { policyInWords } from './in-words.ts';

/** The active policy as people read it. */
@Door('people')
@Controller('v1/policy')
export class ActivePolicyController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async show(@CallerParam() caller: Caller): Promise<PolicyInWords> {
    const { id } = actingPersonOf(caller);
    const { digest, generation, policy } = caller.policy;
    const found = await readRecordedActivation(this.#context.source.manager, generation);
    return {
      digest,
      generation: Number(generation),
      activation: found && activationView(caller, found, isAuditReader(caller, id)),
      ...policyInWords(policy),
    };
  }
}

/** The account of a machine is for those who look after it. */
function activationView(
  { directory }: Caller,
  { at, request, replaces, proposer, installer }: RecordedActivation,
  isOffice: boolean,
): PolicyInWords['activation'] {
  return {
    at: at.toISOString(),
    how: howOf(request, replaces),
    request,
    replaces,
    proposed_by: proposer === null ? null : { id: proposer, name: personById(directory, proposer)?.name ?? proposer },
    installed_by: isOffice ? installer : null,
    is_installer_withheld: !isOffice && installer !== null,
  };
}

function howOf(request: string | null, replaces: string | null): 'published' | 'installed' | 'recovered' {
  if (request !== null) return 'published';
  return replaces === null ? 'installed' : 'recovered';
}
