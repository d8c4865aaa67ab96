import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ChannelLimit, Requirement } from '../../domain/request/requirement.ts';
import { stateQuery } from '../../workflows/messages.ts';
import { startStack, type Stack } from '../stack/stack.ts';
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

const NOTHING = { distinct_people: 1, minimum_grade: 'C', maximum_age_ms: null } as const;

const limitedTo = (channels: 'summary' | 'link'): PolicyChange => {
  return (policy) => ({ ...policy, risk: { ...policy.risk, demands: { low: { ...NOTHING, channels } } } });
};

/** What people read of the workflow in the Temporal UI: its current details, and the attributes of lists. */
async function shown(
  id: string,
): Promise<{ readonly details: string; readonly attributes: readonly string[] }> {
  const handle = stack.temporal.workflow.getHandle(id);
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  const { typedSearchAttributes } = await handle.describe();
  const attributes = typedSearchAttributes.getAll().map(({ key }) => key.name);
  return { details: metadata.currentDetails ?? '', attributes };
}

async function stateOf(id: string) {
  return stack.temporal.workflow.getHandle(id).query(stateQuery);
}

/** A request that waits, as its workflow knows as well. */
async function pending(): Promise<string> {
  const id = await desk.ask();
  await expect.poll(async () => (await stateOf(id)).status, { timeout: 60_000 }).toBe('pending');
  return id;
}

describe('what the Temporal UI shows of a request that waits', () => {
  it('is who must agree and until when, where policy limits nothing', async () => {
    const id = await pending();
    const { details, attributes } = await shown(id);
    expect(details).toContain('0 of 1 from `group:dba` (rule `');
    expect(details).toContain('**Decision digest:**');
    expect(attributes).toEqual(expect.arrayContaining(['KeyturnRisk', 'KeyturnExpiresAt']));
    expect(await stateOf(id)).toMatchObject({ shown: 'all', tally: { standing: 'pending' } });
  });

  it('is no detail where policy lets channels show a summary', async () => {
    await withPolicy(stack.keyturnDb, limitedTo('summary'), async () => {
      const id = await pending();
      const { details } = await shown(id);
      expect(details).not.toContain('group:');
      expect(details).toContain('**Decision digest:**');
      expect(details).toContain('**Not shown here:**');
      expect(await stateOf(id)).toMatchObject({
        shown: 'summary',
        tally: null,
        next_escalation_at: null,
        round: 1,
      });
      // Deciding from there works as before.
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'succeeded');
    });
  });

  it('is only that somebody is asked, where policy lets channels show a link', async () => {
    await withPolicy(stack.keyturnDb, limitedTo('link'), async () => {
      const id = await pending();
      const { details, attributes } = await shown(id);
      for (const hidden of ['group:', 'Decision digest', 'Expires', 'Risk'])
        expect(details).not.toContain(hidden);
      expect(details).toContain('**How to decide here:**');
      expect(attributes).toContain('KeyturnStatus');
      for (const hidden of ['KeyturnRisk', 'KeyturnExpiresAt']) expect(attributes).not.toContain(hidden);
      expect(await stateOf(id)).toMatchObject({
        shown: 'link',
        tally: null,
        decision_digest: null,
        expires_at: null,
      });
    });
  });

  it('gets less when policy limits it later: the open request is asked anew, and what was shown goes', async () => {
    const id = await pending();
    await withPolicy(stack.keyturnDb, limitedTo('link'), async () => {
      await stack.temporal.workflow.getHandle(id).signal('reconsider');
      await expect
        .poll(async () => ((await desk.row(id))['requirement'] as Requirement).channels, { timeout: 60_000 })
        .toBe('link' satisfies ChannelLimit);
      await expect.poll(async () => (await stateOf(id)).shown, { timeout: 60_000 }).toBe('link');
      expect((await shown(id)).attributes).not.toContain('KeyturnRisk');
    });
  });
});
