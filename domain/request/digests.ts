import { oncePer } from '../once-per.ts';
import type { JsonValue } from '../crypto/canonical-json.ts';
import type { SignedRequest } from '../crypto/envelope.ts';
import { memberOf, type Lineage } from '../identity/identity.ts';
import type { Plan, StoredPlan } from './plan.ts';
import type { RequestMode } from './status.ts';
import { requiresNobody, type Requirement, type RiskTier, type RuleRequirement } from './requirement.ts';
import { type Digest, digestOf } from '../crypto/digest.ts';

/** What is asked, so that caller and server compute the same digest. */
export interface Intent {
  readonly action: string;
  readonly schema_version: number;
  readonly target: string;
  readonly arguments: Readonly<Record<string, JsonValue>>;
  readonly mode: RequestMode;
}

/** The intent digest: SHA-256 over {action, schema version, target, arguments, mode}. Computed alike by caller and server. */
export function intentDigest(intent: Intent): Digest {
  return digestOf({
    action: intent.action,
    schema_version: intent.schema_version,
    target: intent.target,
    arguments: intent.arguments,
    mode: intent.mode,
  });
}

/**
 * The requirement digest: risk tier, distinct people, what channels may show if that is limited, and the sorted set of
 * what each rule demands. Rule names, prose and order of rules do not change it.
 */
export function requirementDigest(requirement: Requirement): Digest {
  const rules = [...new Set(requirement.rules.map(ruleRequirementDigest))].sort();
  const { risk, distinct_people, channels } = requirement;
  return digestOf({ risk, distinct_people, rules, ...(channels === undefined ? {} : { channels }) });
}

/** Content hash of what one rule demands, without its name. An evaluation mostly meets the same few. */
export const ruleRequirementDigest = oncePer(({ rule: _name, ...required }: RuleRequirement): Digest =>
  digestOf(required),
);

/** The facts people decide on. */
export interface DecisionSubject {
  readonly request: string;
  readonly intent_digest: string;
  readonly plan: StoredPlan;
  readonly lineage: Lineage;
  readonly requirement: Requirement;
  /** When the approved action may start; nothing where it may at once. */
  readonly start?: SignedRequest['start'];
}

/**
 * The decision digest: what an approval is an approval of. Any edit of the request, drift of the target, change of the
 * lineage or of the requirement is another digest, and decisions on the old one are void.
 */
export function decisionDigest(subject: DecisionSubject): Digest {
  const { fingerprint, salt, target_digest } = subject.plan;
  const effects = effectsForDigest(subject.plan);
  const plan = { fingerprint, salt, target_digest, effects, plan_digest: planDigest(subject.plan) };
  return decisionDigestOf({ ...subject, plan });
}

/**
 * The decision digest of a request as its row says, null standing for nobody who must agree: the one author for the
 * evaluation, which people decide on, and for the claim, which compares.
 */
export function rowDecisionDigest(
  {
    id,
    intent_digest,
    lineage,
  }: Pick<DecisionSubject, 'intent_digest' | 'lineage'> & { readonly id: string },
  { plan, start, risk }: Pick<DecisionSubject, 'plan' | 'start'> & { readonly risk: RiskTier },
  required: Requirement | null,
): Digest {
  const requirement = required ?? requiresNobody(risk);
  return decisionDigest({ request: id, intent_digest, lineage, plan, start, requirement });
}

/** The same from a plan that is only known as far as the digest goes: enough to check a signed decision against. */
export function decisionDigestOf(
  subject: Omit<DecisionSubject, 'plan'> & {
    readonly plan: Pick<StoredPlan, 'fingerprint' | 'salt' | 'target_digest'> & {
      readonly effects: JsonValue;
      /** Binds every word that people read: summary, operation, warnings, rows, risk facts, way back. */
      readonly plan_digest: string;
    };
  },
): Digest {
  return digestOf({
    request: subject.request,
    intent_digest: subject.intent_digest,
    plan: {
      fingerprint: subject.plan.fingerprint,
      effects: subject.plan.effects,
      salt: subject.plan.salt,
      target: subject.plan.target_digest,
      digest: subject.plan.plan_digest,
    },
    lineage: subject.lineage.map((member): JsonValue => ({ ...memberOf(member) })),
    requirement: requirementDigest(subject.requirement),
    ...(subject.start === undefined ? {} : { start: subject.start }),
  });
}

/** The digest a plan travels as: everything but what its dry run cost. */
export function planDigest(body: StoredPlan): Digest {
  const { locks_held_ms: _duration, sequence_values_used: _used, ...lasting } = body;
  return digestOf(lasting);
}

/** Counts per resource; the rows themselves are inside the fingerprint, without values assigned at execution. */
export function effectsForDigest(plan: Plan): JsonValue {
  return plan.effects.map((effect) => ({
    resource: effect.resource,
    inserted: effect.inserted,
    updated: effect.updated,
    deleted: effect.deleted,
    is_counts_only: effect.is_counts_only,
  }));
}
