import { CHANNEL_LIMITS } from '../../domain/disclosure.ts';
import { stageText, type PolicyTestExpectation } from '../../domain/policy-test.ts';
import { TEST_STATUSES } from '../../domain/policy-test-review.ts';
import { RISK_TIERS } from '../../domain/risk.ts';
import type { Fields } from './fields.ts';
import type { Names } from './names.ts';
import { readSelector } from './selector.ts';
import type { Value } from './value.ts';

/** Reads what a test expects of the evaluation. */
export function readExpectation(value: Value | undefined, names: Names): PolicyTestExpectation {
  if (!value) return {};
  const fields = value.fields({
    effect: 'optional',
    risk: 'optional',
    rules: 'optional',
    stages: 'optional',
    expires: 'optional',
    status: 'optional',
    channels: 'optional',
  });
  if (value.isMapping() && value.pairs().length === 0) value.refuse('expects nothing');
  return {
    ...chosen('effect', fields.get('effect')?.choice(EFFECTS)),
    ...chosen('risk', fields.get('risk')?.choice(RISK_TIERS)),
    ...chosen('status', fields.get('status')?.choice(TEST_STATUSES)),
    ...chosen('channels', fields.get('channels')?.choice(CHANNEL_LIMITS)),
    ...readDemands(fields, names),
  };
}

const EFFECTS = ['allow', 'review', 'forbid'] as const;

function chosen<Key extends string, Word>(key: Key, word: Word | undefined): { readonly [_ in Key]?: Word } {
  return word === undefined ? {} : ({ [key]: word } as { readonly [_ in Key]: Word });
}

function readDemands(fields: Fields, names: Names): PolicyTestExpectation {
  const [rules, stages, expires] = [fields.get('rules'), fields.get('stages'), fields.get('expires')];
  return {
    ...(rules ? { rules: rules.list().map((rule) => ruleOf(rule, names)) } : {}),
    ...(stages ? { stages: stages.list().map((stage) => readStage(stage, names)) } : {}),
    ...(expires ? { expires_ms: expires.durationMs() } : {}),
  };
}

function ruleOf(value: Value, names: Names): string {
  names.require('rule', value.text(), value);
  return value.text();
}

const STAGE = /^(?<any>\S+(?: or \S+)*) x(?<quorum>[1-9]\d?)$/;

/** `group:dba or owners x2` */
function readStage(value: Value, names: Names): string {
  const text = value.text();
  const { any, quorum } = STAGE.exec(text)?.groups ?? {};
  if (any === undefined) {
    if (text !== '')
      value.refuse('not a stage: selectors with or between, and how many, such as group:dba or owners x2');
    return text;
  }
  const selectors = any.split(' or ').map((word) => readSelector(value.as(word), names));
  return stageText({ any: selectors, quorum: Number(quorum) });
}
