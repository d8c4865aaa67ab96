import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Proposal } from '../../../contract/policies.ts';
import type { PolicyBacktest, PolicyComparison, ProposedPolicies } from '../../../contract/proposals.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { PolicySet, Rule } from '../../../domain/policy/policy.ts';
import { sourcesOf } from '../../policy-files/decompile.ts';
import { activePolicy } from '../../workflows/policies.ts';
import { openCast, refusal, type Cast } from './cast.ts';

/** What people read of a policy that somebody proposes, and what of past requests it tells whom. */

let cast: Cast;
let own: RequestView;
let proposed: Proposal;
let publication: RequestView;

const STOP: Rule = {
  id: 'stop-prod',
  on: { action: ['postgres.execute'], env: ['prod'] },
  effect: 'forbid',
  because: 'Nothing is changed there now',
  require: null,
  replaces_default: false,
  source: 'rules/stop-prod.yaml:1',
};

beforeAll(async () => {
  cast = await openCast();
  await cast.ask();
  own = await cast.ask({ onBehalfOf: { issuer: cast.stack.issuer.url, subject: 'omar' } });
  ({ proposed, publication } = await publish([STOP]));
});
afterAll(async () => {
  await cast.stack.stop();
});

async function publish(
  rules: readonly Rule[],
): Promise<{ readonly proposed: Proposal; readonly publication: RequestView }> {
  const policy: PolicySet = await activePolicy(cast.stack.keyturnDb);
  const candidate = { ...policy, rules: [...policy.rules, ...rules] };
  const answer = await cast.post<Proposal>(cast.petra, '/v1/policies', sourcesOf(candidate));
  expect(answer.status).toBe(201);
  const { digest, active } = answer.body;
  const request = await cast.stack.request<RequestView>(cast.petra, {
    action: 'keyturn.policy.publish',
    target: 'keyturn',
    arguments: { candidate: digest, base: active },
  });
  await cast.stack.waitForStatus(request.body.id, 'pending');
  return { proposed: answer.body, publication: request.body };
}

function backtest<T = PolicyBacktest>(token: string, id = publication.id) {
  return cast.get<T>(token, `/v1/requests/${id}/backtest`);
}

describe('a proposed policy', () => {
  it('is listed with its publication, and shown in words and line by line, to people alone', async () => {
    const { body } = await cast.get<ProposedPolicies>(cast.dmitri, '/v1/policies');
    expect(body).toMatchObject({
      is_cut: false,
      items: [
        {
          digest: proposed.digest,
          state: 'open',
          proposed_by: { id: 'petra' },
          publications: [{ request: publication.id, status: 'pending' }],
        },
      ],
    });
    const path = `/v1/policies/${proposed.digest}/comparison`;
    const compared = (await cast.get<PolicyComparison>(cast.dmitri, path)).body;
    expect(compared).toMatchObject({
      base: proposed.active,
      is_base_active: true,
      kind: 'tightening',
      needs_two_people: false,
      changes: expect.arrayContaining([
        expect.objectContaining({ what: 'rule', name: 'stop-prod', how: 'added', kind: 'tightening' }),
      ]) as unknown,
      rules: [
        {
          id: 'stop-prod',
          scope: 'Forbids postgres.execute in prod',
          words: expect.arrayContaining([{ what: 'condition', before: null, after: 'always' }]) as unknown,
        },
      ],
      problems: [],
    });
    expect(compared.files.find(({ file }) => file === 'rules/stop-prod.yaml')?.diff).toMatch(/^@@ [\s\S]*\+/);
    expect(refusal(await cast.get(cast.agent, path))).toEqual([403, 'machine_cannot_decide']);
    expect(refusal(await cast.get(cast.agent, '/v1/policies'))).toEqual([403, 'machine_cannot_decide']);
  });
});

describe('the backtest of a publication', () => {
  it('says to its reviewers what would be otherwise, request by request', async () => {
    const { status, body } = await backtest(cast.olga);
    expect(status).toBe(200);
    expect(body).toMatchObject({ loosened: 0, is_whole: true, fault: null, withheld: 0 });
    expect(body.tightened).toBeGreaterThanOrEqual(2);
    expect(body.flows.find(({ from, to }) => from === 'review' && to === 'forbid')?.count).toBe(
      body.tightened,
    );
    expect(body.differences.find(({ request }) => request === own.id)).toMatchObject({
      is_looser: false,
      before: { effect: 'review', seats: ['1 person of group:dba'] },
      after: { effect: 'forbid', seats: [], rules: expect.arrayContaining(['stop-prod']) as unknown },
    });
  });

  it('names to nobody a request that they stand behind, and counts it', async () => {
    const { body } = await backtest(cast.omar);
    expect(body.differences.map(({ request }) => request)).not.toContain(own.id);
    expect(body.withheld).toBe(1);
  });

  it('is not for those behind the publication, nor for people who do not review it: counts tell what requests hold', async () => {
    expect(refusal(await backtest(cast.petra))).toEqual([403, 'forbidden']);
    expect(refusal(await backtest(cast.dmitri))).toEqual([403, 'forbidden']);
    expect(refusal(await backtest(cast.agent))).toEqual([404, 'not_found']);
    expect(refusal(await backtest(cast.olga, own.id))).toEqual([404, 'not_found']);
  });

  it('of very many requests ends, says so, and the API answers meanwhile', async () => {
    await cast.stack.keyturnDb.query(
      `insert into keyturn.evaluation
         (request, round, phase, at, policy_digest, facts_digest, directory_generation, outcome)
       select request, round.n, phase, at, policy_digest, facts_digest, directory_generation, outcome
       from keyturn.evaluation, generate_series(2, 20001) round (n)
       where request = $1 and phase = 'planned' and round = 1`,
      [own.id],
    );
    // As after any night: the database knows how much there is.
    await cast.stack.keyturnDb.query('analyze');
    const other = await publish([{ ...STOP, id: 'stop-all', on: { ...STOP.on, env: null } }]);
    const running = [backtest(cast.olga, other.publication.id), backtest(cast.olga, other.publication.id)];
    const beganAt = performance.now();
    expect((await cast.get(cast.olga, '/v1/policy')).status).toBe(200);
    expect(performance.now() - beganAt).toBeLessThan(5_000);
    const [first, second] = await Promise.all(running);
    expect(first?.body).toMatchObject({ is_whole: false, fault: null });
    expect(first?.body.evaluations).toBeLessThanOrEqual(5_100);
    // It was run once for both.
    expect(second?.body.until).toBe(first?.body.until);
  });
});
