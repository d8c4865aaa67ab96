import { describe, expect, it } from 'vitest';

import type { BacktestRecord } from '../../policy-authoring/backtest.ts';
import { backtest } from './run-backtest.ts';
import { checkExpression } from '../../domain/conditions/check.ts';
import type { ActionDefinition, PolicySet } from '../../domain/policy/policy.ts';
import { ruleFactTypes, storedFacts, type PolicyFacts } from '../../domain/policy/built-in-facts.ts';
import type { AllowSuggestion } from '../../policy-authoring/allow-suggestions.ts';
import {
  ACTION,
  reviewBy,
  exampleRule,
  FACTS,
  ISSUER,
  policyOf,
  stage,
  START,
  TARGET,
} from '../domain/examples.ts';

const ASK = exampleRule('ask', 'review', { require: reviewBy([stage(['group:dba'])], { rule: 'ask' }) });
const STAGING = { ...TARGET, id: 'shop-staging', environment: 'staging' };

/** Executed by others, so nothing is planned. */
const GATE: ActionDefinition = {
  ...ACTION,
  action: 'deploy.release',
  connector: null,
  arguments: {
    type: 'object',
    required: ['service', 'size'],
    properties: {
      service: { type: 'string' },
      size: { type: 'integer' },
      kind: { enum: ['code', 'data', 'network'] },
      dry: { type: 'boolean' },
    },
  },
};

const POLICY = policyOf([ASK], { actions: [ACTION, GATE], targets: [TARGET, STAGING] });

function record(facts: Partial<PolicyFacts>, changes: Partial<BacktestRecord> = {}): BacktestRecord {
  return {
    request: 'r',
    round: 1,
    facts: storedFacts({ ...FACTS, ...facts }),
    lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
    outcome: 'approved',
    pending_since: START,
    decisions: [],
    ...changes,
  };
}

const rows = (count: number): Partial<PolicyFacts> => ({
  plan: FACTS.plan && { ...FACTS.plan, rows_changed: count },
});

/** Twelve approved requests of 1 to 12 rows. */
const CLEAN = Array.from({ length: 12 }, (_, index) => record(rows(index + 1)));

function suggested(
  records: readonly BacktestRecord[],
  policy: PolicySet = POLICY,
): readonly AllowSuggestion[] {
  return backtest(records, policy, policy).suggestions;
}

describe('a suggested allow rule', () => {
  it('is ready for a file, as narrow as what was seen, and names what would still beat it', () => {
    expect(suggested(CLEAN)).toEqual([
      {
        action: 'postgres.execute',
        environment: 'prod',
        target: 'shop-production',
        approved: 12,
        reviewed_by: ['ask'],
        yaml: [
          '# Decides nothing where it is also reviewed, as by ask',
          '- id: "allow-postgres-execute-shop-production"',
          '  on: { action: ["postgres.execute"], env: ["prod"], target: ["shop-production"] }',
          '  when: "risk.tier == \\"low\\" && !plan.destructive && plan.previewed && request.agent == \\"billing\\" && plan.rows <= 12 && plan.resources <= 1"',
          '  effect: allow',
          '  because: "12 requests like this were approved; none was denied, expired or failed"',
        ].join('\n'),
      },
    ]);
  });

  it('is never about two targets or environments at once', () => {
    const mixed = CLEAN.map((one, index) => (index % 2 ? one : record({ target: STAGING })));
    expect(suggested(mixed)).toEqual([]);
    expect(suggested([...CLEAN, ...CLEAN.map(() => record({ target: STAGING }))])).toMatchObject([
      { environment: 'prod', target: 'shop-production', approved: 12 },
      { environment: 'staging', target: 'shop-staging', approved: 12 },
    ]);
  });

  it('names the agent only where one alone asked', () => {
    const other = record({ request: { ...FACTS.request, agent: 'assistant' } });
    expect(suggested([...CLEAN, other])[0]?.yaml).not.toContain('request.agent');
  });

  const deploy = (args: PolicyFacts['args'], target = TARGET): BacktestRecord =>
    record({ action: GATE.action, plan: null, target, args });

  it('bounds numbers, words and flags of the arguments, also those that may be left out', () => {
    const some = { service: 'web', size: 3, kind: 'code', dry: true };
    const records = [
      ...Array.from({ length: 10 }, () => deploy(some)),
      deploy({ service: 'web', size: 7, kind: 'data', dry: true }),
      deploy({ service: 'api', size: 1, dry: true }),
    ];
    const [suggestion] = suggested(records);
    const [, when = ''] = /^ {2}when: (.*)$/m.exec(suggestion?.yaml ?? '') ?? [];
    const condition = JSON.parse(when) as string;
    expect(condition).toBe(
      'risk.tier == "low" && request.agent == "billing" && args.size <= 7 && ' +
        '(!has(args.kind) || args.kind in ["code", "data"]) && has(args.dry) && args.dry',
    );
    expect(checkExpression(condition, ruleFactTypes(POLICY, GATE))).toEqual([]);
  });

  it('is not made for production where nothing of the requests can be bounded', () => {
    const vague = { ...GATE, arguments: { type: 'object', properties: {} } };
    const policy = policyOf([ASK], { actions: [vague], targets: [TARGET, STAGING] });
    const many = (target: typeof TARGET): readonly BacktestRecord[] => CLEAN.map(() => deploy({}, target));
    expect(suggested(many(TARGET), policy)).toEqual([]);
    expect(suggested(many(STAGING), policy)).toHaveLength(1);
  });

  it.each<[string, readonly BacktestRecord[]]>([
    ['a few requests', CLEAN.slice(0, 9)],
    ['a denial', [...CLEAN, record(rows(1), { outcome: 'denied' })]],
    ['an expiry or a failure', [...CLEAN, record(rows(1), { has_failed: true })]],
    ['a failure after an approval', CLEAN.map((one, index) => ({ ...one, has_failed: index === 0 }))],
    ['a request of more than low risk', [...CLEAN, record(rows(20_000))]],
    [
      'a plan that destroys',
      [...CLEAN, record({ plan: FACTS.plan && { ...FACTS.plan, is_destructive: true } })],
    ],
    [
      'a plan that could not be previewed',
      [...CLEAN, record({ plan: FACTS.plan && { ...FACTS.plan, is_fully_previewed: false } })],
    ],
    ['what Keyturn does to itself', CLEAN.map(() => record({ action: 'keyturn.policy.publish' }))],
    ['an action that is gone', CLEAN.map(() => record({ action: 'gone.action' }))],
    ['a target that is gone', CLEAN.map(() => record({ target: { ...TARGET, id: 'gone' } }))],
  ])('is not made after %s', (_what, records) => {
    expect(suggested(records)).toEqual([]);
  });
});
