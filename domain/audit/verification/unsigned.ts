import type { Leaf, LeafType } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/** What nobody signs, and nothing signed or evaluated leads to: such an entry says what the API or a worker says. */
const ON_WORD: ReadonlySet<LeafType> = new Set([
  'request.plan_failed',
  'request.orphaned',
  'request.held',
  'request.drifted',
  'request.approval_stale',
  'decision.attempt_refused',
  'decision.unauthenticated',
  'question.asked',
  'question.answered',
  'execution.succeeded',
  'execution.failed',
  'execution.not_done',
  'execution.indeterminate',
  'execution.released',
]);

/** Names the entries that rest on the word of a program alone: anybody with its database role can write them. */
export function unsignedEntries({ material }: Subject): Finding {
  const named = material.entries.map(({ leaf }) => leaf).filter(isOnWord);
  const listed = named.length === 0 ? '' : `: ${named.map(nameOf).join(', ')}`;
  const checked = `${named.length} of ${material.entries.length} rest on the word of Keyturn alone${listed}`;
  return { problems: [], checked };
}

/** What the API refused by itself was never signed: then the entry names no withdrawal. */
function isOnWord({ type, facts }: Leaf): boolean {
  return ON_WORD.has(type) || (type === 'request.withdrawal_refused' && facts['withdrawal'] === undefined);
}
