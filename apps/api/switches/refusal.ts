import { KeyturnError } from '../../../domain/errors.ts';
import {
  switchesAgainst,
  type KillSwitch,
  type SwitchScopeKind,
  type SwitchSubject,
} from '../../../domain/execution/kill-switch.ts';

const STOPPED: Readonly<Record<SwitchScopeKind, string>> = {
  agent: 'an agent behind this request is',
  action: 'this action is',
  target: 'this target is',
  all: 'everything is',
};

/** The refusal of what a kill switch stops, or null. It says what is stopped, not why, because agents read it. */
export function refusalOf(switches: readonly KillSwitch[], subject: SwitchSubject): KeyturnError | null {
  const [first] = switchesAgainst(switches, subject);
  if (!first) return null;
  const { kind } = first.scope;
  return new KeyturnError('switched_off', `A kill switch is engaged (${kind}): ${STOPPED[kind]} stopped.`, {
    kind,
  });
}
