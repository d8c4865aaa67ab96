import { isFinal } from '../../request/status.ts';
import { mayRecord, refersTo } from './envelopes.ts';
import type { Evidence, Material } from './evidence.ts';
import { notInEvidence, type Finding, type OpenedEnvelope, type Subject } from './finding.ts';

/** Workers consume what is kept within seconds; it may be longer until they are back from an outage. */
const CONSUMED_WITHIN_MS = 10 * 60_000;

/**
 * Each decision and withdrawal that the API acknowledged and kept is in an entry once it was consumed, and once the request
 * has ended: none was taken away before it counted.
 */
export function keptRecorded({ material, kept, now }: Subject): Finding {
  const { state, read_at: readAt = now } = material.evidence;
  const messages = state?.kept;
  if (!state || !messages) return notInEvidence('what the API kept for the workers is not in the evidence');
  const isOver = isFinal(state.status);
  const lost = messages.filter((message, index) => {
    const isOld = Date.parse(message.kept_at) + CONSUMED_WITHIN_MS < Date.parse(readAt);
    const isDue = message.is_consumed || (isOver && isOld);
    return isDue && isSignedFor(material.evidence, kept[index]) && !isRecorded(material, kept[index]);
  });
  return {
    problems: lost.map(({ id }) => `${id} was acknowledged, and no entry records it`),
    checked: `${messages.length} kept by the API`,
  };
}

/** What the API did not sign for this request counts nothing, and leaves no entry. */
function isSignedFor({ request }: Evidence, opened: OpenedEnvelope | undefined): boolean {
  const payload = opened?.payload;
  return payload != null && payload.kind !== 'request' && payload.request === request;
}

function isRecorded({ entries }: Material, opened: OpenedEnvelope | undefined): boolean {
  const payload = opened?.payload;
  if (!opened || !payload) return false;
  return entries.some(({ leaf }) => refersTo(leaf, opened.reference) && mayRecord(leaf, payload));
}
