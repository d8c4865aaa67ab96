import { counted } from '../../cards/counted.ts';
import { z } from 'zod';

import type { Leaf } from '../leaf.ts';
import type { JsonValue } from '../../crypto/canonical-json.ts';
import { decisionDigestOf } from '../../request/digests.ts';
import { requiresNobody, type Requirement } from '../../request/requirement.ts';
import { RISK_TIERS } from '../../policy/risk.ts';
import { planOf } from './course.ts';
import { signedRequestOf } from './envelopes.ts';
import { nameOf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

const planSchema = z.object({
  fingerprint: z.string(),
  effects: z.array(z.custom<JsonValue>()),
  salt: z.string(),
  target_digest: z.string(),
  plan_digest: z.string(),
});

/**
 * The digest that people signed, or that an allowed request was executed by, is that of the request, plan and
 * requirement on record. Without this, a requirement could be rewritten afterwards until the signatures there are would
 * do, or an allow be written for another plan.
 */
export function digestsFollow(subject: Subject): Finding {
  const { pendings, stream } = subject.material;
  const reviewed = pendings.map(({ leaf, requirement }) => ({ leaf, requirements: [requirement] }));
  const allowed = stream
    .filter((leaf) => leaf.type === 'request.allowed')
    .map((leaf) => ({ leaf, requirements: NOBODY }));
  const rounds = [...reviewed, ...allowed];
  const faults = rounds.map((round) => ({ leaf: round.leaf, fault: faultOf(subject, round) }));
  const named = (isEarlier: boolean): readonly string[] =>
    faults.flatMap(({ leaf, fault }) =>
      fault !== null && (fault === EARLIER_FORM) === isEarlier ? [`${nameOf(leaf)}: ${fault}`] : [],
    );
  return {
    problems: named(false),
    notShown: named(true),
    checked: `${counted(rounds.length, 'decision digest')} recomputed`,
  };
}

/** Not the form that digests have now, so it can be right or have been chosen: neither is shown. */
const EARLIER_FORM =
  'its decision digest has the form of an earlier version, which does not cover the words of the plan or the start window';

/** What allows demand: nobody, at one of the tiers of risk. */
const NOBODY: readonly Requirement[] = RISK_TIERS.map(requiresNobody);

interface Round {
  readonly leaf: Leaf;
  /** One of them is what the digest covers. */
  readonly requirements: readonly Requirement[];
}

function faultOf({ material, envelopes }: Subject, { leaf, requirements }: Round): string | null {
  const received = material.stream.find(({ type }) => type === 'request.received');
  const request = received && signedRequestOf(envelopes, received);
  const plan = planSchema.safeParse(planOf(material, leaf)?.facts);
  if (!request || !plan.success)
    return 'its decision digest cannot be recomputed: the signed request or the effects of its plan are missing';
  const { id, intent_digest, lineage, start } = request;
  const isOver = (covered: { readonly plan: DigestedPlan; readonly start?: typeof start }): boolean =>
    requirements.some((requirement) => {
      const subject = { request: id, intent_digest, lineage, requirement, ...covered };
      return decisionDigestOf(subject) === leaf.decision_digest;
    });
  if (isOver({ plan: plan.data, start })) return null;
  const earlier = [plan.data, { ...plan.data, plan_digest: null }];
  return earlier.some((facts) => isOver({ plan: facts }))
    ? EARLIER_FORM
    : 'its decision digest is not that of the request, plan and requirement on record';
}

type DigestedPlan = Parameters<typeof decisionDigestOf>[0]['plan'];
