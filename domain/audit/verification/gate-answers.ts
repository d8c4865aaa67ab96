import { withoutTakenBack } from '../../approval/quorum.ts';
import { counted } from '../../cards/counted.ts';
import { z } from 'zod';

import type { Leaf } from '../leaf.ts';
import { approvedUntil, VALID_FOR_MS_MAX } from '../../execution/gate-validity.ts';
import { countedBefore, nameOf, opensRound, type Material } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/**
 * What somebody else acts on holds no longer than what it was given for: than the approvals that it was claimed with, or,
 * where nobody was asked, than any answer of policy may.
 */
export function answersEnd({ material }: Subject): Finding {
  const answers = material.stream.flatMap((leaf) => answerIn(material, leaf) ?? []);
  const problems = answers
    .filter(({ leaf, validUntil }) => !(Date.parse(validUntil) <= endOf(material, leaf)))
    .map(({ leaf }) => `${nameOf(leaf)} may be acted on for longer than it was approved for`);
  return { problems, checked: `${counted(answers.length, 'answer')} for others to act on` };
}

const answerSchema = z.object({ performed_by_keyturn: z.literal(false), valid_until: z.string() });

/** Null of an outcome that is no answer, and of one that is erased. */
function answerIn(
  { evidence: { payloads } }: Material,
  leaf: Leaf,
): { readonly leaf: Leaf; readonly validUntil: string } | null {
  if (leaf.type !== 'execution.succeeded') return null;
  const found = payloads.find(({ event_id: id, part }) => id === leaf.id && part === 'result');
  const answer = found && answerSchema.safeParse(parsed(found.body)).data;
  return answer ? { leaf, validUntil: answer.valid_until } : null;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function endOf(material: Material, leaf: Leaf): number {
  const { pendings, stream } = material;
  const claimed = stream.findLast(({ n, type }) => n < leaf.n && type === 'execution.claimed');
  const opened = stream.findLast((other) => other.n < leaf.n && opensRound(other));
  if (!claimed) return -Infinity;
  const pending = pendings.find((pending) => pending.leaf === opened);
  if (!pending) return Date.parse(claimed.at) + VALID_FOR_MS_MAX;
  const counted = countedBefore(material, pending.round, claimed.n);
  const approvals = withoutTakenBack(counted).filter(({ verdict }) => verdict === 'approve');
  return Date.parse(approvedUntil(pending.requirement, approvals, claimed.at));
}
