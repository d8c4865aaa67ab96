import { readSwitches } from '../../../database/kill-switches.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  switchesAgainst,
  type KillSwitch,
  type SwitchScopeKind,
  type SwitchSubject,
} from '../../../domain/execution/kill-switch.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

const STOPPED: Readonly<Record<SwitchScopeKind, string>> = {
  agent: 'an agent behind this request is',
  action: 'this action is',
  target: 'this target is',
  all: 'everything is',
};

/** The refusal of what a kill switch stops, or null. It says what is stopped, not why, because agents read it. */
export async function refusalBySwitch(
  { source }: Pick<ApiContext, 'source'>,
  { directory }: Caller,
  subject: Omit<SwitchSubject, 'agents'>,
): Promise<KeyturnError | null> {
  return refusalOf(await readSwitches(source.manager), { ...subject, agents: directory.agents });
}

/** The same for switches that were read already. */
export function refusalOf(switches: readonly KillSwitch[], subject: SwitchSubject): KeyturnError | null {
  const [first] = switchesAgainst(switches, subject);
  if (!first) return null;
  const { kind } = first.scope;
  return new KeyturnError('switched_off', `A kill switch is engaged (${kind}): ${STOPPED[kind]} stopped.`, {
    kind,
  });
}
