import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicySet } from '../../domain/policy/policy.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf } from './facts.ts';
import { withHeldClaims } from './held-claims.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { activePolicy, changeRequirement, changeRule, synchronise, type PolicyChange } from './policies.ts';
import { Desk, type Ask } from './signed.ts';

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

const requireTwo = changeRequirement('usual', (requirement) => ({
  ...requirement,
  stages: requirement.stages.map((stage) => ({ ...stage, quorum: 2 })),
}));
const forbid = changeRule('usual', (rule) => ({ ...rule, effect: 'forbid' }));

function changeDirectory(
  change: (directory: PolicySet['directory']) => Partial<PolicySet['directory']>,
): PolicyChange {
  return (policy) => ({ ...policy, directory: { ...policy.directory, ...change(policy.directory) } });
}

function deactivate(id: string): PolicyChange {
  const change = <T extends { readonly id: string }>(known: readonly T[]): T[] =>
    known.map((one) => (one.id === id ? { ...one, active: false } : one));
  return changeDirectory(({ people, agents }) => ({ people: change(people), agents: change(agents) }));
}

function removePerson(id: string): PolicyChange {
  return changeDirectory(({ people, groups }) => ({
    people: people.filter((person) => person.id !== id),
    groups: groups.map((group) => ({ ...group, members: group.members.filter((member) => member !== id) })),
  }));
}

/** A break-glass path that asks for exactly what is asked for without it. */
const openBreakGlass: PolicyChange = (policy) => ({
  ...policy,
  rules: policy.rules.flatMap((rule) =>
    rule.id === 'usual' ? [rule, { ...rule, id: 'emergency', break_glass: true }] : [rule],
  ),
});

const removeFromGroup = changeDirectory(({ groups }) => ({
  groups: groups.map((group) =>
    group.id === 'dba' ? { ...group, members: group.members.filter((member) => member !== 'olga') } : group,
  ),
}));
const nameOlgaAsOwner = changeDirectory(({ agents }) => ({
  agents: agents.map((agent) => (agent.id === 'agent-billing' ? { ...agent, owner: 'olga' } : agent)),
}));
const removeTarget: PolicyChange = (policy) => ({
  ...policy,
  targets: policy.targets.filter((target) => target.id !== 'shop'),
});

/** Lets olga approve, changes the policy before the claim, and waits for what becomes of the request. */
async function approveThenChange(change: PolicyChange, status: string, ask: Ask = {}): Promise<string> {
  const id = await desk.ask(ask);
  await withHeldClaims(
    stack,
    async (held) => {
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'approved');
      await held.changePolicy(change);
    },
    async () => {
      await stack.waitForStatus(id, status);
    },
  );
  expect(worker.target.effects).not.toContain(id);
  expect(await executionsOf(stack, id)).toEqual([]);
  return id;
}

/** Who approved is taken out of the group by a change that the claim finds under way. */
async function removeWhileClaimWaits(): Promise<string> {
  const id = await desk.ask();
  const admin = new Client({ connectionString: stack.databases.keyturn.admin });
  await admin.connect();
  try {
    const before = (await activePolicy(admin)).directory;
    const groups = before.groups.filter((group) => group.id !== 'dba');
    await admin.query('begin');
    await synchronise(admin, { ...before, groups });
    await desk.decide(id, 'olga');
    await waitFor({
      what: 'the claim to wait for the change of the directory',
      check: async () => {
        const sql = `select 1 from pg_stat_activity
          where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`;
        return (await stack.keyturnDb.query(sql)).rowCount === 0 ? undefined : true;
      },
    });
    await admin.query('commit');
    await stack.waitForStatus(id, 'pending');
    await synchronise(admin, before);
  } finally {
    await admin.end();
  }
  return id;
}

describe('a restriction between approval and execution holds: nothing is executed', () => {
  it('a rule that requires more people sends the request back to review', async () => {
    const id = await approveThenChange(requireTwo, 'pending');
    expect(await desk.row(id)).toMatchObject({ round: 2 });
    expect(await courseOf(stack, id)).toContain('request.drifted');
    // Stays required, also after the policy is loosened again.
    await desk.decide(id, 'olga');
    await desk.decide(id, 'dmitri');
    await stack.waitForStatus(id, 'succeeded');
    expect((await courseOf(stack, id)).filter((type) => type === 'decision.counted')).toHaveLength(3);
  });

  it('a rule that forbids denies the request', async () => {
    const id = await approveThenChange(forbid, 'denied');
    expect(await desk.row(id)).toMatchObject({ denied_by: 'policy', failure: { code: 'forbidden' } });
  });

  it('a reviewer who left the group does not carry the approval any more', async () => {
    const id = await approveThenChange(removeFromGroup, 'pending');
    expect(await desk.row(id)).toMatchObject({ round: 2 });
  });

  it('a change of the directory alone is waited for by the claim, and holds', async () => {
    const id = await removeWhileClaimWaits();
    expect(await desk.row(id)).toMatchObject({ round: 2 });
    expect(worker.target.effects).not.toContain(id);
    expect(await executionsOf(stack, id)).toEqual([]);
  });

  it('a reviewer who was deactivated does not carry the approval any more', async () => {
    const id = await approveThenChange(deactivate('olga'), 'pending');
    expect(await desk.row(id)).toMatchObject({ round: 2 });
  });

  it('a reviewer who became the owner of the agent does not carry the approval any more', async () => {
    const id = await approveThenChange(nameOlgaAsOwner, 'pending');
    expect(await desk.row(id)).toMatchObject({ round: 2 });
  });

  it('a requester who was deactivated is denied', async () => {
    const id = await approveThenChange(deactivate('agent-billing'), 'denied');
    expect(await desk.row(id)).toMatchObject({
      denied_by: 'policy',
      failure: { code: 'requester_inactive' },
    });
  });

  it('the person that the agent acts for was deactivated: denied', async () => {
    const lineage = [desk.member('on_behalf_of', 'omar')];
    await approveThenChange(deactivate('omar'), 'denied', { lineage });
  });

  it('the person that the agent acts for is gone from the directory: denied', async () => {
    const lineage = [desk.member('on_behalf_of', 'omar')];
    await approveThenChange(removePerson('omar'), 'denied', { lineage });
  });

  it('a request that became break-glass only now is shown to people first, on a path that they know of', async () => {
    const id = await approveThenChange(openBreakGlass, 'pending', { extra: { break_glass: true } });
    expect(await desk.row(id)).toMatchObject({ round: 2, is_break_glass: true });
  });

  it('a target that is gone from the policy is denied', async () => {
    const id = await approveThenChange(removeTarget, 'denied');
    expect(await desk.row(id)).toMatchObject({ failure: { code: 'target_removed' } });
  });

  it('a policy change that requires nothing more changes nothing: the approval carries', async () => {
    const id = await desk.ask();
    await withHeldClaims(
      stack,
      async (held) => {
        await desk.decide(id, 'olga');
        await stack.waitForStatus(id, 'approved');
        await held.changePolicy(changeRule('usual', (rule) => ({ ...rule, because: 'for another reason' })));
      },
      async () => {
        await stack.waitForStatus(id, 'succeeded');
      },
    );
    expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
  });
});
