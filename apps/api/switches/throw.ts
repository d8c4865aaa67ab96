import type { EntityManager } from 'typeorm';
import type { z } from 'zod';

import { lockSwitchLog, readSwitch, storeEngaged } from '../../../database/kill-switches.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { Identity } from '../../../domain/identity/identity.ts';
import { accountOf, type KillSwitch, type SwitchScope } from '../../../domain/execution/kill-switch.ts';
import { actionOf, isOwnAction, OWN_TARGET, targetOf } from '../../../domain/policy/policy.ts';
import type { throwBodySchema } from '../../../contract/switches.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { nameHint } from '../catalogue/similar-names.ts';
import { callId, keyReused } from '../http/idempotency.ts';
import { operatorOf } from '../auth/operator.ts';
import { recordOf } from '../entries.ts';

/** A call to throw a switch. */
export type ThrowCall = z.output<typeof throwBodySchema> & { readonly idempotencyKey: string | null };

/**
 * Throws a switch for an operator: from its commit on nothing in its scope is claimed. Each throw is a switch of its own,
 * but for the same call again, which finds the switch that it threw, or is refused once that is lifted.
 */
export async function throwSwitch(
  context: Pick<ApiContext, 'source' | 'keys'>,
  caller: Caller,
  call: ThrowCall,
): Promise<KillSwitch> {
  const operator = operatorOf(caller);
  const { scope, reason } = call;
  return context.source.transaction(async (manager) => {
    const last = await lockSwitchLog(manager);
    const { idempotencyKey } = call;
    const id = callId('swi', context.keys.identity, { by: operator.identity, idempotencyKey });
    const again = await thrownBefore(manager, id, call);
    if (again) return again;
    const account = knownScope(caller, scope);
    const at = new Date().toISOString();
    const fields = { account, reason, thrown_by: operator.person, thrown_at: at, lifted_at: null };
    const thrown = { id, scope: { kind: scope.kind, value: scope.value }, ...fields };
    // Of an agent the account may be a name: it is kept where it can be erased.
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
    await storeEngaged(manager, thrown, recordOf(recording, [event]));
    return thrown;
  });
}

async function thrownBefore(
  manager: EntityManager,
  id: string,
  { scope, reason }: ThrowCall,
): Promise<KillSwitch | null> {
  const thrown = await readSwitch(manager, id);
  if (!thrown) return null;
  const isSame =
    thrown.scope.kind === scope.kind && thrown.scope.value === scope.value && thrown.reason === reason;
  if (!isSame) throw keyReused();
  // Answered as thrown, it would be believed to stop something.
  if (thrown.lifted_at !== null)
    throw new KeyturnError(
      'switch_lifted',
      'The kill switch of this call has been lifted since: take a new Idempotency-Key to throw another one.',
    );
  return thrown;
}

/** The account of an agent. Refuses what is not there: a switch on a misspelt name would stop nothing, and be believed. */
function knownScope({ policy, directory }: Caller, { kind, value }: SwitchScope): Identity | null {
  const name = value ?? '';
  const { actions, targets } = policy.policy;
  switch (kind) {
    case 'all':
      return null;
    case 'action':
      refuseUnless(!isOwnAction(name), 'invalid_request', 'Actions of Keyturn itself cannot be stopped.');
      refuseUnless(
        actionOf(policy.policy, name),
        'unknown_action',
        `The catalogue has no such action.${nameHint(
          name,
          actions.map(({ action }) => action),
        )}`,
      );
      return null;
    case 'target':
      refuseUnless(name !== OWN_TARGET, 'invalid_request', 'Keyturn itself cannot be stopped.');
      refuseUnless(
        targetOf(policy.policy, name),
        'unknown_target',
        `There is no such target.${nameHint(
          name,
          targets.map(({ id }) => id),
        )}`,
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
    `The directory has no agent with this id. An account is named ISSUER SUBJECT.${nameHint(name, ids)}`,
  );
}

function refuseUnless(
  found: unknown,
  code: 'invalid_request' | 'unknown_action' | 'unknown_target',
  message: string,
): void {
  if (!found) throw new KeyturnError(code, message);
}
