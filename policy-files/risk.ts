import { KEYS } from './keys.ts';
import { CHANNEL_LIMITS } from '../domain/request/disclosure.ts';
import { isOwnAction } from '../domain/policy/policy.ts';
import type { RiskTier } from '../domain/request/requirement.ts';
import {
  DEFAULT_RISK,
  RISK_TIERS,
  type RiskLine,
  type RiskPolicy,
  type TierTerms,
} from '../domain/policy/risk.ts';
import { readCondition, readPartialCondition, typesOn, type TypesByAction } from './conditions.ts';
import { readLineMatch } from './match.ts';
import type { Names } from './names.ts';
import { GRADES } from './require.ts';
import type { Value } from './value.ts';

const WEIGHT_MAX = 100;
const PEOPLE_MAX = 20;

export interface RiskContext {
  readonly names: Names;
  /** What conditions may read, for each action of the catalogue and of Keyturn itself. */
  readonly types: TypesByAction;
}

/** Reads `risk` of `keyturn.yaml`. What it leaves out is as built in. */
export function readRisk(value: Value | undefined, context: RiskContext): RiskPolicy {
  const fields = value?.fields(KEYS['risk']);
  const lines = fields?.get('lines');
  return {
    lines: lines ? lines.items().map((line) => readLine(line, context)) : DEFAULT_RISK.lines,
    tiers: readTiers(fields?.get('tiers')),
    demands: readTierRequirements(fields?.get('demands')),
  };
}

function readLine(value: Value, context: RiskContext): RiskLine {
  const fields = value.fields(KEYS['risk.lines']);
  const match = fields.get('on');
  const on = match && readLineMatch(match, context.names);
  return {
    ...(on ? { on } : {}),
    weight: fields.get('weight')?.integer({ min: 1, max: WEIGHT_MAX }) ?? 1,
    because: fields.text('because'),
    when: readLineCondition(fields.get('when'), on, context),
  };
}

/** A line that names its actions may read whatever all of them have, arguments as well. */
function readLineCondition(value: Value | undefined, on: RiskLine['on'], { types }: RiskContext): string {
  if (!value) return '';
  if (on) return readCondition(value, typesOn(on.action, types));
  const foreign = new Map([...types].filter(([action]) => !isOwnAction(action)));
  return readPartialCondition(value, foreign);
}

/** Each tier starts above the one below it, else one of them would never hold. */
function readTiers(value: Value | undefined): RiskPolicy['tiers'] {
  if (!value) return DEFAULT_RISK.tiers;
  const fields = value.fields(KEYS['risk.tiers']);
  const from = (tier: string): number => fields.get(tier)?.integer({ min: 1, max: 10_000 }) ?? 1;
  const tiers = { medium: from('medium'), high: from('high'), critical: from('critical') };
  if (tiers.medium >= tiers.high || tiers.high >= tiers.critical)
    value.refuse('each tier needs a larger weight than the one before it: medium, high, critical');
  return tiers;
}

function readTierRequirements(value: Value | undefined): RiskPolicy['demands'] {
  if (!value) return DEFAULT_RISK.demands;
  const fields = value.fields(KEYS['risk.demands']);
  const demands: Partial<Record<RiskTier, TierTerms>> = {};
  for (const tier of RISK_TIERS) {
    const requirement = fields.get(tier);
    if (requirement) demands[tier] = readTierRequirement(requirement);
  }
  return demands;
}

function readTierRequirement(value: Value): TierTerms {
  const fields = value.fields(KEYS['risk.demands.TIER']);
  const channels = fields.get('channels')?.choice(CHANNEL_LIMITS);
  return {
    distinct_people: fields.get('distinct_people')?.integer({ min: 1, max: PEOPLE_MAX }) ?? 1,
    minimum_grade: fields.get('minimum_grade')?.choice(GRADES) ?? 'C',
    maximum_age_ms: fields.get('maximum_age')?.durationMs() ?? null,
    ...(channels === undefined || channels === 'all' ? {} : { channels }),
  };
}
