import { randomUUID } from 'node:crypto';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { gatherFacts } from '../../activities/gather-facts.ts';
import { callerOf, type CallerSnapshot } from '../../apps/api/auth/caller.ts';
import { callerSnapshot } from '../../apps/api/auth/authenticate.ts';
import type { Issuer } from '../../configuration/issuers.ts';
import { principalOf, type Principal } from '../../apps/api/auth/principal.ts';
import { checkSubmission } from '../../apps/api/submission/check.ts';
import { lineageOf } from '../../apps/api/submission/lineage.ts';
import { signRequest } from '../../apps/api/submission/sign.ts';
import { historyOf } from '../../database/counted-facts.ts';
import { openEnvelope } from '../../domain/crypto/envelope.ts';
import { requestId } from '../../domain/identity/ids.ts';
import { factsOf } from '../../domain/policy/policy-query.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import type { TestApi } from '../api/api.ts';
import { exampleRule } from '../domain/examples.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let snapshot: CallerSnapshot;
let principals: readonly Principal[];

beforeAll(async () => {
  const started = await startGateApi();
  api = started.api;
  const now = await callerSnapshot(api.context);
  snapshot = { ...now, policy: { ...now.policy, policy: withLookups(started.policy) } };
  const issuer = { issuer: api.issuer.url, human: { clients: [], scope: 'decide' } } as unknown as Issuer;
  principals = ['agent-billing', 'agent-dba', 'ada'].map((sub) => {
    const principal = principalOf({ iss: api.issuer.url, sub, exp: 9e9 }, issuer);
    if (!principal) throw new Error('the token was not read');
    return principal;
  });
});
afterAll(async () => {
  await api.stop();
});

/** A policy that takes break-glass requests, and looks up what the arguments name. */
function withLookups(policy: PolicySet): PolicySet {
  const on = { action: ['deploy.release'], env: null };
  const actions = policy.actions.map((action) => ({
    ...action,
    facts: { named: { resolver: 'identity', of: 'args.version' } as const },
  }));
  return { ...policy, actions, rules: [exampleRule('emergency', 'allow', { on, break_glass: true })] };
}

const BODIES = fc.record({
  by: fc.nat(2),
  target: fc.constantFrom('free', 'asked', 'counted'),
  arguments: fc.record(
    { version: fc.oneof(fc.constantFrom('ada', 'olga', 'agent-billing'), fc.string()), size: fc.integer() },
    { requiredKeys: ['version'] },
  ),
  on_behalf_of: fc.option(fc.constantFrom({ subject: 'olga' }, { subject: 'nobody' }), { nil: undefined }),
  break_glass: fc.option(fc.boolean(), { nil: undefined }),
});

describe('what policy is asked about a request', () => {
  it('is the same in the API, which answers early, and in the worker, whose answer counts', async () => {
    const { context } = api;
    const { manager } = context.source;
    const { keys } = context;
    await fc.assert(
      fc.asyncProperty(BODIES, async ({ by, ...change }) => {
        const caller = callerOf(principals[by] as Principal, snapshot);
        const body = { ...release('free'), mode: 'gate' as const, action: 'deploy.release', ...change };
        const lineage = lineageOf(caller, body);
        const submission = {
          id: requestId(keys.identity, caller.principal.identity, randomUUID()),
          at: new Date(),
          lineage,
          caller,
          body,
        };
        const checked = await checkSubmission(context, submission, []);
        const history = await historyOf(manager, checked.query);
        const early = factsOf(checked.query, { history, windows: null });
        const { envelope } = await signRequest(keys, checked);
        const signed = await openEnvelope('request', envelope, keys.verification);
        const { policy, directory, target, at } = checked.query;
        const known = { signed, policy, directory, target, plan: null, at };
        const worker = { sealingKeys: keys.sealing } as Dependencies;
        expect(await gatherFacts(worker, manager, known)).toEqual(early);
      }),
      { numRuns: 60 },
    );
  });
});
