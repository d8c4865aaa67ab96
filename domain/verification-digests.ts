import { z } from 'zod';

import type { JsonValue } from './canonical-json.ts';
import { decisionDigestOf } from './digest.ts';
import { planOf } from './verification-course.ts';
import { signedRequestOf } from './verification-envelopes.ts';
import { nameOf, type PendingLeaf } from './verification-evidence.ts';
import type { Finding, Subject } from './verification-finding.ts';

const planSchema = z.object({
  fingerprint: z.string(),
  effects: z.array(z.custom<JsonValue>()),
  salt: z.string(),
  target_digest: z.string(),
  plan_digest: z.string(),
});

/**
 * The digest that people signed is that of the request, plan and requirement on record. Without this, a requirement
 * could be rewritten afterwards until the signatures there are would do.
 */
export function digestsFollow(subject: Subject): Finding {
  const problems = subject.material.pendings.flatMap((pending) => {
    const problem = problemOf(subject, pending);
    return problem === null ? [] : [`${nameOf(pending.leaf)}: ${problem}`];
  });
  return { problems, checked: `${subject.material.pendings.length} decision digests recomputed` };
}

function problemOf({ material, envelopes }: Subject, pending: PendingLeaf): string | null {
  const received = material.stream.find((leaf) => leaf.type === 'request.received');
  const request = received && signedRequestOf(envelopes, received);
  const planned = planOf(material, pending.leaf);
  const plan = planSchema.safeParse(planned?.facts);
  if (!request || !plan.success)
    return 'its decision digest cannot be recomputed: the signed request or the effects of its plan are missing';
  const expected = decisionDigestOf({
    request: request.id,
    intent_digest: request.intent_digest,
    plan: plan.data,
    lineage: request.lineage,
    requirement: pending.requirement,
  });
  return expected === pending.leaf.decision_digest
    ? null
    : 'its decision digest is not that of the request, plan and requirement on record';
}
