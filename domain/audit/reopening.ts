import type { Leaf, LeafType } from './leaf.ts';

/** Why an approval, or the round that is pending, does not carry any more, and the type of the entry that records it. */
const REOPENED = {
  target_changed: 'request.drifted',
  requirement_changed: 'request.drifted',
  approval_void: 'request.drifted',
  approval_stale: 'request.approval_stale',
  approval_taken_back: 'request.approval_taken_back',
} as const satisfies Readonly<Record<string, LeafType>>;

export type Reopening = keyof typeof REOPENED;

export function entryOfReopening(why: Reopening): LeafType {
  return REOPENED[why];
}

/** False for an entry that sends a request back to people and gives no reason, or one that is not its own. */
export function givesItsReason({ type, facts }: Leaf): boolean {
  const reasons = Object.entries(REOPENED).filter(([, entry]) => entry === type);
  return reasons.length === 0 || reasons.some(([why]) => why === facts['why']);
}
