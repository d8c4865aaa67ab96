import type { SwitchView, ThrowBody } from '../../../contract/switches.ts';
import { listed } from '../shown/words.ts';

type Scope = SwitchView['scope'];

/** A kill switch as somebody fills it in. */
export interface SwitchForm {
  readonly kind: Scope['kind'];
  readonly value: string;
  readonly reason: string;
}

export const EMPTY_FORM: SwitchForm = { kind: 'all', value: '', reason: '' };

/** What a switch stops: `Everything`, `The target shop`. */
export function scopeText({ kind, value }: Scope): string {
  return kind === 'all' ? 'Everything' : `The ${kind} ${value ?? ''}`;
}

/** What happens from the moment in which a switch on this is engaged. */
export function engagedText({ kind, value }: Scope): readonly string[] {
  return [
    `${WHAT[kind].replace('{}', value || '…')} is stopped at once: new requests are refused, what waits can no longer be approved, and what is approved ends denied when its turn comes.`,
    'An action that has started already is finished. Actions of Keyturn itself are never stopped.',
    'Two operators have to agree before it is released.',
  ];
}

const WHAT: Readonly<Record<Scope['kind'], string>> = {
  all: 'Everything that agents and people request',
  agent: 'Every request that the agent {} is behind',
  action: 'The action {}, on every target,',
  target: 'Every action on the target {}',
};

/** What the agreement of this operator comes to. */
export function releaseTexts({ scope, agreed_to_lift: agreed = [] }: SwitchView): readonly string[] {
  const others = listed(
    agreed.map(({ name }) => name),
    'and',
  );
  return [
    agreed.length === 0
      ? 'Yours is the first agreement. The switch stays engaged until another operator agrees as well.'
      : `${others} agreed already. With your agreement the switch is released at once.`,
    `${scopeText(scope)} can then be requested, approved and executed again. Requests that the switch ended stay ended: they have to be made anew.`,
  ];
}

export function bodyOf({ kind, value, reason }: SwitchForm): ThrowBody {
  return { scope: { kind, value: kind === 'all' ? null : value.trim() }, reason: reason.trim() };
}
