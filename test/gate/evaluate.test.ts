import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import type { EvaluationAnswer } from '../../contract/evaluate.ts';
import { activate, GOOD_BODY, startApi, type TestApi } from '../api/api.ts';
import { storeRequest } from '../api/rows.ts';
import type { Reply } from '../stack/http.ts';
import { gatePolicyFolder, release } from './policies.ts';

let api: TestApi;
let agent: string;

beforeAll(async () => {
  api = await startApi();
  const loaded = await loadPolicyFolder(gatePolicyFolder(), {
    KEYTURN_IDP_ISSUER: api.issuer.url,
    KEYTURN_SECOND_ISSUER: api.secondIssuer.url,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const policy = withPlanRules(loaded.policy);
  await activate(api.databases, policy, policyDigest(policy));
  agent = await api.issuer.agentToken('agent-billing');
});
afterAll(async () => {
  await api.stop();
});

/** Rules that ask about the plan: an allow where it is small, a forbid where it is large. */
function withPlanRules(policy: PolicySet): PolicySet {
  const on = { action: ['postgres.execute'], env: ['sandbox'] };
  const rule = { on, because: null, require: null, replaces_default: false, source: 'rules/plan.yaml:1' };
  const others = policy.rules.filter(({ id }) => id !== 'sandbox');
  return {
    ...policy,
    rules: [
      ...others,
      { ...rule, id: 'small-plan', when: 'plan.rows <= 1000', effect: 'allow' },
      { ...rule, id: 'large-plan', when: 'plan.rows > 100000', effect: 'forbid' },
    ],
  };
}

function evaluate(body: unknown, token = agent): Promise<Reply<EvaluationAnswer>> {
  return api.http({ path: '/v1/evaluate', token, body });
}

const SANDBOX = { ...GOOD_BODY, target: 'shop-sandbox' };

describe('a dry run of policy', () => {
  it('decides nothing before a plan, and names the rules that wait for it', async () => {
    const reply = await evaluate(SANDBOX);
    expect(reply).toMatchObject({
      status: 200,
      body: {
        effect: 'undecided',
        phase: 'creation',
        rules: [],
        undecided: ['small-plan', 'large-plan'],
        undecided_rules: [],
        requirement: null,
      },
    });
    expect(await evaluate(GOOD_BODY)).toMatchObject({
      body: { effect: 'undecided', rules: [{ id: 'usual' }] },
    });
  });

  it('tells people, who may read the policy, what those rules would do, and no program', async () => {
    const shown = [
      { id: 'small-plan', effect: 'allow', stages: [] },
      { id: 'large-plan', effect: 'forbid', stages: [] },
    ];
    expect((await evaluate(SANDBOX, await api.issuer.humanToken('olga'))).body).toMatchObject({
      undecided_rules: shown,
    });
    const held = await api.issuer.humanToken('olga', { client_id: 'agent-billing' });
    for (const token of [agent, held])
      expect((await evaluate(SANDBOX, token)).body).toMatchObject({ undecided_rules: [] });
  });

  it('says at once what is forbidden whatever the plan', async () => {
    const reply = await evaluate({ ...GOOD_BODY, target: 'shop-closed' });
    expect(reply.body).toMatchObject({
      effect: 'forbid',
      rules: [{ id: 'closed', because: 'Nothing is changed here' }],
    });
  });

  it('knows everything of an action without a plan, windows included, and reserves nothing', async () => {
    const counted = (size: number) => release('counted', { arguments: { version: '1', size } });
    expect((await evaluate(counted(10))).body).toMatchObject({
      effect: 'allow',
      phase: 'planned',
      undecided: [],
    });
    expect((await evaluate(counted(11))).body).toMatchObject({ effect: 'review', rules: [] });
    for (let again = 0; again < 5; again += 1)
      expect((await evaluate(counted(10))).body.effect).toBe('allow');
    const { rows } = await api.db.query(
      'select 1 from keyturn.window_reservation union all select 1 from keyturn.evaluation',
    );
    expect(rows).toEqual([]);
  });

  it('marks what could not be evaluated, and counts it as stricter', async () => {
    expect((await evaluate(release('odd'))).body).toMatchObject({ effect: 'review', is_degraded: true });
  });

  it('never tells what conditions read', async () => {
    const { body } = await evaluate(release('asked', { arguments: { version: 'tell-tale', size: 3 } }));
    expect(Object.keys(body).sort()).toEqual([
      'effect',
      'is_degraded',
      'phase',
      'requirement',
      'rules',
      'undecided',
      'undecided_rules',
    ]);
    expect(body.rules.map((rule) => Object.keys(rule))).toEqual([['id', 'because', 'effect']]);
    expect(JSON.stringify(body)).not.toContain('tell-tale');
  });

  it('about the outcome of an action is for people who were not behind that action', async () => {
    const { id } = await storeRequest(api, { status: 'indeterminate' });
    const shown = {
      action: 'keyturn.resolve',
      target: 'keyturn',
      arguments: { request: id, outcome: 'failed' },
    };
    const codeFor = async (token: string): Promise<unknown> => (await evaluate(shown, token)).body;
    expect(await codeFor(agent)).toMatchObject({ code: 'machine_cannot_decide' });
    expect(await codeFor(await api.issuer.humanToken('ada'))).toMatchObject({ code: 'self_approval' });
    expect((await evaluate(shown, await api.issuer.humanToken('olga'))).status).toBe(200);
  });

  it('answers only those who could ask for it', async () => {
    const refusals: [unknown, string, string][] = [
      [SANDBOX, await api.issuer.agentToken('nobody-knows'), 'forbidden'],
      [SANDBOX, await api.issuer.agentToken('agent-retired'), 'requester_inactive'],
      [SANDBOX, await api.issuer.agentToken('agent-assistant'), 'acts_for_nobody'],
      [{ ...SANDBOX, mode: 'gate' }, agent, 'mode_unsupported'],
      [{ ...SANDBOX, action: 'no.such' }, agent, 'unknown_action'],
      [{ ...SANDBOX, target: 'free' }, agent, 'unknown_target'],
      [{ ...SANDBOX, arguments: {} }, agent, 'arguments_invalid'],
      [{ ...SANDBOX, break_glass: true }, agent, 'break_glass_unavailable'],
      [{ ...SANDBOX, claims: {} }, agent, 'invalid_request'],
    ];
    for (const [body, token, code] of refusals)
      expect((await evaluate(body, token)).body, code).toMatchObject({ code });
    const { body } = await evaluate({ ...SANDBOX, mode: 'gate' }, agent);
    expect(JSON.stringify(body)).toMatch(/"mode\\": \\"execute\\".*--mode execute/);
    expect((await api.http({ path: '/v1/evaluate', body: SANDBOX })).status).toBe(401);
  });
});
