import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createDataSource } from '../../../database/data-source.ts';
import { digestOf } from '../../../domain/crypto/digest.ts';
import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import type { StoredFacts } from '../../../domain/policy/built-in-facts.ts';
import { startApi, type TestApi } from '../../api/api.ts';
import { storeRequest } from '../../api/rows.ts';
import { compiled } from '../../stack/databases.ts';

type Module = typeof import('../../../activities/connectors/keyturn-policy/backtest-proposal.ts');

let api: TestApi;
let backtestLines: Module['backtestLines'];
beforeAll(async () => {
  api = await startApi();
  // Threads run compiled code.
  const file = compiled('activities/connectors/keyturn-policy/backtest-proposal.js');
  ({ backtestLines } = (await import(pathToFileURL(file).href)) as Module);
});
afterAll(async () => {
  await api.stop();
});

/** Characters for which a pattern such as `a[ab]{10,199}z` needs ever new states. */
function hostileText(seed: number): string {
  let state = seed * 7919 + 3;
  return Array.from({ length: 9_000 }, () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >> 16) & 1 ? 'a' : 'b';
  }).join('');
}

function factsOf(seed: number): StoredFacts {
  return {
    action: 'postgres.execute',
    target: 'shop',
    args: { statement: `update account set credit_limit = 1 -- ${hostileText(seed)}` },
    at: new Date().toISOString(),
    plan: {
      rows_changed: 1,
      resources_changed: 1,
      is_destructive: false,
      is_fully_previewed: true,
      is_reversible: true,
      names: [],
    },
    history: { requests_24h: 0, denials_24h: 0, failures_24h: 0 },
    windows: {},
    request: {
      mode: 'execute',
      break_glass: false,
      agent: 'agent-billing',
      owner: 'ada',
      on_behalf_of: '',
      chain: ['ada'],
      groups: [],
    },
  };
}

async function storeEvaluation(seed: number): Promise<void> {
  const { id } = await storeRequest(api);
  const facts = factsOf(seed);
  const digest = digestOf(facts);
  await api.db.query('insert into keyturn.fact_set (digest, body) values ($1, $2)', [digest, facts]);
  await api.db.query(
    `insert into keyturn.evaluation
       (request, round, phase, at, policy_digest, facts_digest, directory_generation, outcome)
     values ($1, 1, 'planned', clock_timestamp() - interval '1 hour', $2, $3, 1, '{}')`,
    [id, api.policyDigest, digest],
  );
}

const usual = (policy: PolicySet): Rule => {
  const rule = policy.rules.find(({ on }) => on.action.includes('postgres.execute'));
  if (!rule) throw new Error('The policy has no such rule.');
  return rule;
};

function withConditions(policy: PolicySet, conditions: readonly string[]): PolicySet {
  const rules = conditions.map((when, n): Rule => {
    return {
      ...usual(policy),
      id: `r${n}`,
      on: { action: ['postgres.execute'], env: null },
      when,
      effect: 'forbid',
      require: null,
    };
  });
  return { ...policy, rules: [...policy.rules, ...rules] };
}

describe('the backtest of a policy that somebody proposes', () => {
  it('says what it would have changed, or how much there was time for; the process goes on meanwhile', async () => {
    for (let seed = 1; seed <= 60; seed += 1) await storeEvaluation(seed);
    const source = await createDataSource({
      url: api.databases.keyturn.admin,
      applicationName: 'test',
      poolSize: 2,
    }).initialize();
    const lines = async (conditions: readonly string[]): Promise<readonly string[]> => {
      const candidate = withConditions(api.policy, conditions);
      return backtestLines(source.manager, { base: api.policy, candidate }, new Date());
    };
    try {
      expect((await lines(['args.statement.contains("update")'])).join('\n')).toMatch(
        /^Of 60 evaluations recorded .* 60 stricter/,
      );
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 10);
      const slow = Array.from({ length: 200 }, (_, n) => `re2(args.statement, "a[ab]{${n % 60},200}[yz]")`);
      const printed = (await lines(slow)).join('\n');
      clearInterval(timer);
      // What was looked at is what is reported, and where it is not all, that is said.
      const looked = Number(/^Of (\d+) evaluations recorded/.exec(printed)?.[1]);
      expect(looked).toBeGreaterThan(0);
      expect(printed.includes(`Only the oldest ${looked} recorded evaluations were looked at`)).toBe(
        looked < 60,
      );
      expect(turns).toBeGreaterThan(5);
      // A fault is shown as one.
      const broken = { base: api.policy, candidate: {} as PolicySet };
      expect(await backtestLines(source.manager, broken, new Date())).toEqual([
        expect.stringMatching(
          /^Evaluating recorded requests ended with an error \(TypeError\) after the oldest 0/,
        ),
      ]);
    } finally {
      await source.destroy();
    }
  });
});
