import { counted } from '../../cards/counted.ts';
import { z } from 'zod';

import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { Tally } from '../../approval/quorum.ts';
import type { Leaf } from '../leaf.ts';
import { replay } from './decisions.ts';
import { nameOf, type Material, type PendingLeaf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

const escalationSchema = z.object({
  rule: z.int(),
  stage: z.int(),
  to: z.string(),
  at: z.iso.datetime(),
});

/** Each escalation on record is one that the requirement of its round says, of an open stage, not before it was due. */
export function escalationsDue({ material }: Subject): Finding {
  const escalated = material.stream.filter(({ type }) => type === 'request.escalated');
  const problems = escalated.flatMap((leaf, index) => {
    const isRepeated = escalated.slice(0, index).some((other) => isSame(material, other, leaf));
    const fault = isRepeated ? 'is on record already' : faultOf(material, leaf);
    return fault === null ? [] : [`${nameOf(leaf)} ${fault}`];
  });
  return { problems, checked: `${counted(escalated.length, 'escalation')} recomputed` };
}

function isSame(material: Material, one: Leaf, other: Leaf): boolean {
  return (
    pendingOf(material, one) === pendingOf(material, other) &&
    canonicalJson(one.facts) === canonicalJson(other.facts)
  );
}

function pendingOf({ pendings }: Material, leaf: Leaf): PendingLeaf | undefined {
  return pendings.findLast((pending) => pending.leaf.n < leaf.n);
}

function faultOf(material: Material, leaf: Leaf): string | null {
  const pending = pendingOf(material, leaf);
  const escalation = escalationSchema.safeParse(leaf.facts).data;
  if (!pending || !escalation) return 'says no escalation of a round';
  const stage = pending.requirement.rules[escalation.rule]?.stages[escalation.stage];
  const steps = stage?.escalate.filter(({ to }) => to === escalation.to) ?? [];
  if (steps.length === 0) return 'widens a stage to somebody that the requirement does not name';
  const openedAt = openedAtOf(replay(material, pending, leaf), escalation);
  if (openedAt === null) return 'widens a stage that was not open';
  // Business time is never ahead of the clock on the wall, and a stage may have opened anew since.
  const dueMs = Date.parse(openedAt) + Math.min(...steps.map(({ after_ms: afterMs }) => afterMs));
  return Date.parse(escalation.at) < dueMs || Date.parse(leaf.at) < Date.parse(escalation.at)
    ? 'escalates before it was due'
    : null;
}

function openedAtOf({ rules }: Tally, { rule, stage }: z.infer<typeof escalationSchema>): string | null {
  return rules[rule]?.[stage]?.opened_at ?? null;
}
