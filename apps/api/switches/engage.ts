import type { EntityManager } from 'typeorm';
import type { z } from 'zod';

import { lockSwitchLog, readSwitch, storeEngaged } from '../../../database/kill-switches.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Identity } from '../../../domain/identity/identity.ts';
import { accountOf, type KillSwitch, type SwitchScope } from '../../../domain/execution/kill-switch.ts';
import { actionOf, isOwnAction, OWN_TARGET, targetOf } from '../../../domain/policy/policy.ts';
import type { throwBodySchema } from '../../../contract/switches.ts';
import { actingPersonOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { nameHint } from '../catalogue/similar-names.ts';
import { callId, keyReused } from '../http/idempotency.ts';
import { operatorOf } from '../auth/operator.ts';
import { recordOf } from '../entries.ts';

/** A call to engage a kill switch. */
export type EngageCall = z.output<typeof throwBodySchema> & { readonly idempotencyKey: string | null };

/**
 * Engages a kill switch for an operator: from its commit on nothing in its scope is claimed. Each call engages a switch of
 * its own, but the same call again answers its first switch, or is refused once that is released.
 */
export async function engageSwitch(
  context: Pick<ApiContext, 'source' | 'keys'>,
  caller: Caller,
  call: EngageCall,
): Promise<KillSwitch> {
  const operator = operatorOf(caller, actingPersonOf(caller));
  const { scope, reason } = call;
  return context.source.transaction(async (manager) => {
    const last = await lockSwitchLog(manager);
    const { idempotencyKey } = call;
    const id = callId('swi', context.keys.identity, { by: operator.identity, idempotencyKey });
    const again = await engagedBefore(manager, id, call);
    if (again) return again;
    const account = knownScope(caller, scope);
    const at = new Date().toISOString();
    const fields = { account, reason, thrown_by: operator.person, thrown_at: at, lifted_at: null };
    const engaged = { id, scope: { kind: scope.kind, value: scope.value }, ...fields };
    // The account of an agent may be a name: it is stored where it can be erased.
    const named =
      scope.kind === 'agent'
        ? { parts: { scope: scope.value, account: account && { ...account } } }
        : { facts: { scope: scope.value } };
    const event = {
      type: 'switch.thrown' as const,
      facts: { switch: id, kind: scope.kind, ...named.facts },
      parts: { reason, ...named.parts },
    };
    const recording = { identityKey: context.keys.identity, stream: 'switches', by: operator, at, last };
    await storeEngaged(manager, engaged, recordOf(recording, [event]));
    return engaged;
  });
}

async function engagedBefore(
  manager: EntityManager,
  id: string,
  { scope, reason }: EngageCall,
): Promise<KillSwitch | null> {
  const engaged = await readSwitch(manager, id);
  if (!engaged) return null;
  const isSame =
    engaged.scope.kind === scope.kind && engaged.scope.value === scope.value && engaged.reason === reason;
  if (!isSame) throw keyReused();
  // Answered as engaged, it would be believed to stop something.
  if (engaged.lifted_at !== null)
    throw new KeyturnError(
      'switch_lifted',
      'The kill switch that this call engaged has been released since. Use a new Idempotency-Key to engage another one.',
    );
  return engaged;
}

/** The account of an agent. Refuses unknown names: a switch on a misspelt one would stop nothing, and be relied upon. */
function knownScope({ policy, directory }: Caller, { kind, value }: SwitchScope): Identity | null {
  const name = value ?? '';
  const { actions, targets } = policy.policy;
  const hint = (names: readonly string[]): string => nameHint(name, names);
  switch (kind) {
    case 'all':
      return null;
    case 'action':
      refuseUnless(!isOwnAction(name), 'invalid_request', 'Actions of Keyturn itself cannot be stopped.');
      refuseUnless(
        actionOf(policy.policy, name),
        'unknown_action',
        `The catalogue has no such action.${hint(actions.map(({ action }) => action))}`,
      );
      return null;
    case 'target':
      refuseUnless(name !== OWN_TARGET, 'invalid_request', 'Keyturn itself cannot be stopped.');
      refuseUnless(
        targetOf(policy.policy, name),
        'unknown_target',
        `There is no such target.${hint(targets.map(({ id }) => id))}`,
      );
      return null;
    case 'agent':
      return knownAgent(directory.agents, name);
  }
}

function knownAgent(agents: Parameters<typeof accountOf>[0], name: string): Identity {
  const account = accountOf(agents, name);
  if (account) return account;
  const ids = agents.map(({ id }) => id);
  throw new KeyturnError(
    'unknown_agent',
    `The directory has no agent with this id. Name an account as ISSUER SUBJECT.${nameHint(name, ids)}`,
  );
}

function refuseUnless(
  found: unknown,
  code: 'invalid_request' | 'unknown_action' | 'unknown_target',
  message: string,
): void {
  if (!found) throw new KeyturnError(code, message);
}
