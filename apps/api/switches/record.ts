import type { SwitchRecord } from '../../../database/kill-switches.ts';
import * as entries from '../entries.ts';
import type { Operator } from '../auth/operator.ts';

/** What an entry says of a switch. */
export interface SwitchEvent extends entries.RecordedEvent {
  readonly switch: string;
}

/** By whom, when, and after which entry. `last` is the newest entry of the stream, held by a lock; null for none. */
export interface SwitchRecording {
  readonly identityKey: Uint8Array;
  readonly operator: Operator;
  readonly at: string;
  readonly last: string | null;
}

/** The entries of one change, each following from the one before, and the names behind their pseudonyms. */
export function recordOf(
  { operator, ...recording }: SwitchRecording,
  events: readonly SwitchEvent[],
): SwitchRecord {
  return entries.recordOf(
    { ...recording, stream: 'switches', by: operator },
    events.map(({ switch: id, ...event }) => ({ ...event, facts: { switch: id, ...event.facts } })),
  );
}
