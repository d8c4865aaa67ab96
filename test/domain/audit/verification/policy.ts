import { digestOf, sha256 } from '../../../../domain/crypto/digest.ts';
import { intentDigest, planDigest } from '../../../../domain/request/digests.ts';
import type { Directory } from '../../../../domain/identity/directory.ts';
import { evaluate } from '../../../../domain/policy/evaluation.ts';
import type { StoredPlan } from '../../../../domain/request/plan.ts';
import { policyDigest, type PolicySet } from '../../../../domain/policy/policy.ts';
import { planFacts, storedFacts, type PolicyFacts } from '../../../../domain/policy/built-in-facts.ts';
import { requestFacts } from '../../../../domain/policy/request-facts.ts';
import type { Requirement } from '../../../../domain/request/requirement.ts';
import { ACTION, examplePerson, exampleRule, policyOf, TARGET } from '../../examples.ts';

/** What the story of a verification was evaluated with: a whole policy, a plan, and the facts of both. */

export const ISSUER = 'https://id.example';

export const LINEAGE = [{ role: 'requester' as const, issuer: ISSUER, subject: 'agent' }];

/** Minutes into the story, as an instant. */
export function minute(minutes: number): string {
  return new Date(Date.parse('2026-01-05T10:00:00.000Z') + minutes * 60_000).toISOString();
}

function person(id: string): Directory['people'][number] {
  return examplePerson(id, { accounts: [{ issuer: ISSUER, subject: id }] });
}

/** Ann, Ben and Eve administer databases; Olga owns the agent. */
export const DIRECTORY: Directory = {
  people: ['ann', 'ben', 'eve', 'olga', 'out'].map(person),
  agents: [
    {
      id: 'agent',
      name: 'Agent',
      active: true,
      issuer: ISSUER,
      subject: 'agent',
      owner: 'olga',
      acts_for_people: false,
    },
  ],
  groups: [{ id: 'dba', members: ['ann', 'ben', 'eve'], groups: [] }],
};

const HOURS = [{ from: '08:00', to: '18:00' }];
const WEEK = { mon: HOURS, tue: HOURS, wed: HOURS, thu: HOURS, fri: HOURS, sat: [], sun: [] };

export const POLICY: PolicySet = policyOf(
  [
    exampleRule('prod-sql', 'review', {
      replaces_default: true,
      require: {
        rule: 'prod-sql',
        stages: [{ any: ['group:dba'], quorum: 2, escalate: [] }],
        order: 'parallel',
        expires_ms: 3_600_000,
        maximum_age_ms: 1_800_000,
        minimum_grade: 'C',
        is_reason_required: false,
        clock: 'office',
      },
    }),
  ],
  {
    targets: [{ ...TARGET, id: 'shop' }],
    directory: DIRECTORY,
    calendars: [{ id: 'office', time_zone: 'UTC', week: WEEK, holidays: [] }],
  },
);

/** The same, where the rule lets everything through. */
export const ALLOWING: PolicySet = { ...POLICY, rules: [exampleRule('allow-all', 'allow')] };

export const PLAN_BODY: StoredPlan = {
  connector: ACTION.action,
  summary: 'updates 2 rows',
  operation: 'update account set owner = 1',
  effects: [],
  warnings: [],
  risk_facts: {
    rows_changed: 2,
    resources_changed: 0,
    is_destructive: true,
    is_fully_previewed: true,
    is_reversible: false,
  },
  reversal: { is_possible: false, how: '' },
  fingerprint: sha256('fingerprint'),
  locks_held_ms: 1,
  salt: 'ab'.repeat(16),
  target_digest: sha256('target'),
};

export const ARGS = { statement: 'update account set owner = 1' };

export const INTENT = intentDigest({
  action: ACTION.action,
  schema_version: 1,
  target: 'shop',
  arguments: ARGS,
  mode: 'execute',
});

const [target] = POLICY.targets;
if (!target) throw new Error('the policy has no target');

const FACTS: PolicyFacts = {
  action: ACTION.action,
  target,
  args: ARGS,
  plan: planFacts(PLAN_BODY),
  request: requestFacts(DIRECTORY, { mode: 'execute', lineage: LINEAGE, break_glass: false }),
  at: minute(1),
  history: { requests_24h: 1, denials_24h: 0, failures_24h: 0 },
  windows: {},
};

export const STORED_FACTS = storedFacts(FACTS);
export const FACTS_DIGEST = digestOf(STORED_FACTS);
export const PLAN = planDigest(PLAN_BODY);
export const POLICY_DIGEST = policyDigest(POLICY);

/** What the policy requires of it: two people of a group, within an hour of office time; an approval lasts half an hour. */
export const REQUIREMENT = requirementOf(POLICY);

/** What an entry says of why a policy came to its answer. */
export function reasonsOf(policy: PolicySet): {
  matched_rules: string[];
  risk: string;
  risk_reasons: string[];
} {
  const { rules, risk } = evaluate(policy, FACTS, 'planned');
  return { matched_rules: rules.map(({ id }) => id), risk: risk.tier, risk_reasons: [...risk.reasons] };
}

function requirementOf(policy: PolicySet): Requirement {
  const { requirement } = evaluate(policy, FACTS, 'planned');
  if (!requirement) throw new Error('the policy requires nobody');
  return requirement;
}
