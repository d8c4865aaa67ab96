import type { JsonValue } from '../crypto/canonical-json.ts';
import { digestOf, type Digest } from '../crypto/digest.ts';
import { memberOf, type LineageMember } from '../identity/identity.ts';
import type { StoredPlan } from '../request/plan.ts';
import {
  isGradeSufficient,
  type EvidenceGrade,
  type Requirement,
  type RiskTier,
} from '../request/requirement.ts';
import type { RequestMode } from '../request/status.ts';
import { cutOf, shownEffect } from './effects.ts';
import { peopleText, ruleWords, seatsText, type RuleInPolicy } from './words.ts';

/** Parts of a card, by the names under which a client says which of them it had opened. Names are only ever added. */
export const CARD_SECTIONS = [
  'request',
  'lineage',
  'plan',
  'effects',
  'files',
  'arguments',
  'preview',
  'risk',
  'rules',
  'requirement',
  'reversal',
  'claims',
] as const;

/** A member of the lineage with the name that the directory has. */
export type NamedMember = LineageMember & {
  readonly name?: string | undefined;
  readonly kind?: 'person' | 'agent' | undefined;
};

/** A request as its reader may see it: what is withheld is null or absent. */
export interface CardSource {
  readonly id: string;
  readonly action: string;
  readonly schema_version: number;
  readonly target: string;
  readonly environment: string;
  readonly mode: RequestMode;
  readonly is_break_glass: boolean;
  readonly start?: { readonly not_before: string | null; readonly not_after: string | null } | undefined;
  readonly intent_digest: string;
  readonly decision_digest: string | null;
  readonly expires_at: string | null;
  readonly lineage: readonly NamedMember[];
  readonly risk: RiskTier | null;
  readonly risk_reasons: readonly string[] | null;
  readonly rules: readonly RuleInPolicy[] | null;
  readonly requirement: Requirement | null;
  readonly plan: StoredPlan | null;
  readonly arguments?: Readonly<Record<string, JsonValue>> | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * What people decide upon, for every place that shows it. Nothing in it depends on the time, on decisions or on how the
 * request stands: a card is the same as long as its decision digest stands and nobody is renamed. Its texts are as they were
 * given; `visible` (visible.ts) makes them safe to show. Null parts are not for its reader.
 */
export type Card = ReturnType<typeof makeCard>;

/** The card of a request. */
export function makeCard(source: CardSource) {
  const { plan } = source;
  return {
    /** Sets its digest apart from all others; a card of another form is another kind. */
    kind: 'keyturn-card-1' as const,
    decision_digest: source.decision_digest,
    request: {
      id: source.id,
      action: source.action,
      schema_version: source.schema_version,
      target: source.target,
      environment: source.environment,
      mode: source.mode,
      is_break_glass: source.is_break_glass,
      start: source.start ?? null,
      intent_digest: source.intent_digest,
    },
    lineage: source.lineage.map(namedMember),
    ...(plan === null ? NO_PLAN : planParts(plan)),
    arguments: source.arguments ?? null,
    ...policyParts(source),
    claims: source.claims ?? null,
  };
}

const NO_PLAN = {
  salt: null,
  cut: null,
  plan: null,
  effects: null,
  files: null,
  preview: null,
  reversal: null,
} as const;

function planParts(plan: StoredPlan) {
  const { connector, summary, operation, fingerprint, reversal } = plan;
  return {
    // The digest of a card is where the plan must not be known: without this, values could be found out by trying.
    salt: plan.salt,
    cut: cutOf(plan.effects),
    // Keyturn makes no plan for an action that it only decides on: the words are the requester's.
    plan: { connector, summary, operation, fingerprint, is_by_requester: connector === 'gate' },
    effects: plan.effects.map(shownEffect),
    files: plan.files ?? [],
    preview: { is_whole: plan.risk_facts.is_fully_previewed, warnings: plan.warnings },
    reversal: { is_possible: reversal.is_possible, how: reversal.how, steps: reversal.steps ?? [] },
  };
}

function policyParts({ risk, risk_reasons: reasons, plan, rules, requirement, expires_at }: CardSource) {
  return {
    risk: risk && { tier: risk, reasons: reasons ?? [], facts: plan && plan.risk_facts },
    rules: rules && rules.map(shownRule),
    requirement: requirement && requirementPart(requirement, expires_at),
  };
}

/** What names a card: SHA-256 over its RFC 8785 form, whose `kind` no other digest covers. */
export function viewDigest(card: Card): Digest {
  return digestOf(card);
}

function namedMember(member: NamedMember) {
  const { name, kind } = member;
  return {
    ...memberOf(member),
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { kind }),
  };
}

function shownRule(rule: RuleInPolicy) {
  const { id, effect, because, source } = rule;
  return { id, effect: effect ?? null, because, source, words: ruleWords(rule) };
}

function requirementPart({ rules, channels, distinct_people }: Requirement, expiresAt: string | null) {
  return {
    expires_at: expiresAt,
    words: peopleText({ distinct_people, rules }),
    distinct_people,
    minimum_grade: rules
      .map((rule) => rule.minimum_grade)
      .reduce<EvidenceGrade>((strict, grade) => (isGradeSufficient(grade, strict) ? grade : strict), 'D'),
    channels: channels ?? null,
    rules: rules.map(({ stages, ...rule }) => ({
      ...rule,
      stages: stages.map((stage) => ({ ...stage, words: seatsText(stage) })),
    })),
  };
}
