import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { leavesOf, verdictsOf, waitForVerdicts } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { withPolicy, type PolicyChange } from './policies.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

function ruleOf(policy: PolicySet, id: string): Rule {
  const rule = policy.rules.find((candidate) => candidate.id === id);
  if (!rule) throw new Error(`There is no rule ${id}.`);
  return rule;
}

/** Reading and writing as two actions over the same connector. */
const readAndWrite: PolicyChange = (policy) => {
  const [action] = policy.actions;
  if (!action) throw new Error('There is no action.');
  const bare = { env: null, target: null };
  const base = { because: null, require: null, replaces_default: false, source: 'rules/scenario.yaml:1' };
  return {
    ...policy,
    actions: ['sql.read', 'sql.write'].map((name) => ({ ...action, action: name })),
    rules: [
      {
        ...base,
        id: 'small',
        on: { ...bare, action: ['sql.read'] },
        when: 'plan.rows <= 1000',
        effect: 'allow',
      },
      {
        ...base,
        id: 'huge',
        on: { ...bare, action: ['sql.write'] },
        when: 'plan.rows > 100000',
        effect: 'forbid',
      },
    ],
  };
};

describe('a policy about facts that only the plan knows', () => {
  it('allows the small read, reviews the small write by default, forbids the huge one: nothing is denied before its plan', async () => {
    await withPolicy(stack.keyturnDb, readAndWrite, async () => {
      const read = await desk.ask({ action: 'sql.read', statement: 'rows 10' }, 'succeeded');
      const write = await desk.ask({ action: 'sql.write', statement: 'rows 10' }, 'pending');
      const huge = await desk.ask({ action: 'sql.write', statement: 'rows 100001' }, 'denied');
      for (const id of [read, write, huge]) expect(worker.target.planned).toContain(id);
      expect(worker.target.effects.filter((id) => [read, write, huge].includes(id))).toEqual([read]);
      expect((await desk.row(write))['requirement']).toMatchObject({ rules: [{ rule: 'default' }] });
    });
  });

  it('keeps with what it forbids by a plan which plan that was: nobody is shown the rules who may not see it', async () => {
    await withPolicy(stack.keyturnDb, readAndWrite, async () => {
      const id = await desk.ask({ action: 'sql.write', statement: 'rows 100001' }, 'denied');
      const planned = (await leavesOf(stack, id)).find((leaf) => leaf.type === 'request.planned');
      expect((await desk.row(id))['plan_digest']).toBe(planned?.facts['plan_digest']);
    });
  });

  it('denies at once what is forbidden by facts that are known, and does not try it out', async () => {
    const change: PolicyChange = (policy) => ({
      ...policy,
      rules: [
        {
          ...ruleOf(policy, 'closed'),
          on: { action: ['postgres.execute'], env: null },
          when: 'resource.id == "shop"',
        },
      ],
    });
    await withPolicy(stack.keyturnDb, change, async () => {
      const id = await desk.ask({}, 'denied');
      expect(worker.target.planned).not.toContain(id);
      const denied = (await leavesOf(stack, id)).find((leaf) => leaf.type === 'request.denied');
      expect(denied?.facts).toMatchObject({ by: 'policy', matched_rules: ['closed'] });
    });
  });
});

describe('two rules that one person could satisfy', () => {
  it('stay pending after one approval when the tier asks for two distinct people', async () => {
    const change: PolicyChange = (policy) => {
      const usual = ruleOf(policy, 'usual');
      const again = {
        ...usual,
        id: 'again',
        require: usual.require && { ...usual.require, rule: 'again', expires_ms: 7_200_000 },
      };
      const demands = { low: { distinct_people: 2, minimum_grade: 'C' as const, maximum_age_ms: null } };
      const risk = { lines: [], tiers: { medium: 2, high: 3, critical: 5 }, demands };
      return { ...policy, rules: [usual, again], risk };
    };
    await withPolicy(stack.keyturnDb, change, async () => {
      const id = await desk.ask();
      await desk.decide(id, 'olga');
      expect(await waitForVerdicts(stack, id, 1)).toEqual(['olga: approve']);
      expect((await desk.row(id))['status']).toBe('pending');
      await desk.decide(id, 'dmitri');
      await stack.waitForStatus(id, 'succeeded');
      expect(await verdictsOf(stack, id)).toEqual(['olga: approve', 'dmitri: approve']);
    });
  });
});

describe('a list that is too long to look through', () => {
  it('forbids, and the record says that the evaluation was degraded', async () => {
    const tags = Array.from({ length: 257 }, (_, index) => (index === 256 ? 'sox' : `tag-${index}`));
    const change: PolicyChange = (policy) => ({
      ...policy,
      targets: policy.targets.map((target) => (target.id === 'shop' ? { ...target, tags } : target)),
      rules: [
        {
          ...ruleOf(policy, 'closed'),
          on: { action: ['postgres.execute'], env: null },
          when: 'resource.tags.exists(t, t == "sox")',
        },
      ],
    });
    await withPolicy(stack.keyturnDb, change, async () => {
      const id = await desk.ask({}, 'denied');
      const denied = (await leavesOf(stack, id)).find((leaf) => leaf.type === 'request.denied');
      expect(denied?.facts).toMatchObject({ is_degraded: true });
    });
  });
});

describe('a condition on reviewers', () => {
  it('takes seats away from those who do not meet it, and says so', async () => {
    const change: PolicyChange = (policy) => ({
      ...policy,
      rules: policy.rules.map((rule) =>
        rule.id === 'usual' && rule.require
          ? { ...rule, require: { ...rule.require, reviewer_when: 'reviewer.id != "olga"' } }
          : rule,
      ),
    });
    await withPolicy(stack.keyturnDb, change, async () => {
      const id = await desk.ask();
      await desk.decide(id, 'olga');
      expect(await waitForVerdicts(stack, id, 1)).toEqual(['olga: not_eligible']);
      await desk.decide(id, 'dmitri');
      await stack.waitForStatus(id, 'succeeded');
    });
  });
});
