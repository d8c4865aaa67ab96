import { KEYS } from './keys.ts';
import { CHANNEL_LIMITS } from '../domain/request/disclosure.ts';
import {
  BREAK_GLASS_PATHS,
  escalationText,
  stageText,
  type PolicyTestExpectation,
} from '../policy-authoring/policy-test-expectation.ts';
import { EFFECTS } from '../policy-authoring/strictness.ts';
import { TEST_STATUSES } from '../policy-authoring/policy-test-review.ts';
import { RISK_TIERS } from '../domain/policy/risk.ts';
import type { Names } from './names.ts';
import { readSelector } from './selector.ts';
import { readInstant } from './test-times.ts';
import type { Fields, Value } from './value.ts';

/** Reads what a test expects of the evaluation. */
export function readExpectation(value: Value | undefined, names: Names): PolicyTestExpectation {
  if (!value) return {};
  const fields = value.fields(KEYS['tests.expect']);
  if (value.isMapping() && value.pairs().length === 0) value.refuse('expects nothing');
  return {
    ...chosen('effect', fields.get('effect')?.choice(EFFECTS)),
    ...chosen('risk', fields.get('risk')?.choice(RISK_TIERS)),
    ...chosen('status', fields.get('status')?.choice(TEST_STATUSES)),
    ...chosen('channels', fields.get('channels')?.choice(CHANNEL_LIMITS)),
    ...chosen('break_glass', fields.get('break_glass')?.choice(BREAK_GLASS_PATHS)),
    ...readRequirements(fields, names),
    ...readPeople(fields, names),
  };
}

function chosen<Key extends string, Word>(key: Key, word: Word | undefined): { readonly [_ in Key]?: Word } {
  return word === undefined ? {} : ({ [key]: word } as { readonly [_ in Key]: Word });
}

/** Lists may be empty: nothing escalates, nobody is missing, nobody is left. */
function readPeople(fields: Fields, names: Names): PolicyTestExpectation {
  const [escalates, shortage, approvers] = [
    fields.get('escalates'),
    fields.get('shortage'),
    fields.get('approvers'),
  ];
  return {
    ...(escalates ? { escalates: escalates.list().map((step) => readEscalation(step, names)) } : {}),
    ...(shortage ? { shortage: shortage.list().map((rule) => shortRuleOf(rule, names)) } : {}),
    ...(approvers ? { approvers: approvers.list().map((person) => names.read('person', person)) } : {}),
  };
}

function readEscalation(value: Value, names: Names): string {
  const fields = value.fields(KEYS['tests.expect.escalates']);
  const to = fields.get('to');
  return escalationText({
    to: to ? readSelector(to, names) : 'owners',
    at: readInstant(fields.get('at')) ?? '',
  });
}

/** `*`: too few different people over all rules. The default is a rule, too. */
function shortRuleOf(value: Value, names: Names): string {
  const rule = value.text();
  return rule === '*' || rule === 'default' ? rule : names.read('rule', value);
}

function readRequirements(fields: Fields, names: Names): PolicyTestExpectation {
  const [rules, stages, expires] = [fields.get('rules'), fields.get('stages'), fields.get('expires')];
  return {
    ...(rules ? { rules: rules.list().map((rule) => names.read('rule', rule)) } : {}),
    ...(stages ? { stages: stages.list().map((stage) => readStage(stage, names)) } : {}),
    ...(expires ? { expires_ms: expires.durationMs() } : {}),
    ...chosen('expires_at', readInstant(fields.get('expires_at'))),
  };
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
