import { readSwitches } from '../../../database/kill-switches.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { switchesAgainst, type SwitchScopeKind, type SwitchSubject } from '../../../domain/kill-switch.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

const STOPPED: Readonly<Record<SwitchScopeKind, string>> = {
  agent: 'an agent behind this request is',
  action: 'this action is',
  target: 'this target is',
  all: 'everything is',
};

/** The refusal of what a kill switch stops, or null. It says what is stopped, not why: agents read it. */
export async function refusalBySwitch(
  { source }: ApiContext,
  { directory }: Caller,
  { action, target, lineage }: Omit<SwitchSubject, 'agents'>,
): Promise<KeyturnError | null> {
  const { agents } = directory;
  const [first] = switchesAgainst(await readSwitches(source.manager), { action, target, lineage, agents });
  if (!first) return null;
  const { kind } = first.scope;
  return new KeyturnError('switched_off', `A kill switch is on (${kind}): ${STOPPED[kind]} stopped.`, {
    kind,
  });
}
