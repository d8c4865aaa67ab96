import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, changeRule, withPolicy, type PolicyChange } from './policies.ts';
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

const forbid = changeRule('usual', (rule) => ({ ...rule, effect: 'forbid' }));
const allow: PolicyChange = changeRule('usual', (rule) => ({ ...rule, effect: 'allow', require: null }));

async function remind(id: string): Promise<void> {
  await stack.temporal.workflow.getHandle(id).signal('reconsider');
}

async function counted(id: string, count: number): Promise<void> {
  await waitFor({
    what: `${count} counted decisions`,
    check: async () => {
      const course = await courseOf(stack, id);
      return course.filter((type) => type === 'decision.counted').length === count ? true : undefined;
    },
  });
}

describe('a request that waits, when it is looked at again', () => {
  it('is denied when it is now forbidden', async () => {
    const id = await desk.ask();
    await withPolicy(stack.keyturnDb, forbid, async () => {
      await remind(id);
      expect(await stack.waitForStatus(id, 'denied')).toMatchObject({ denied_by: 'policy' });
    });
  });

  it('is denied when policy does not know its target any more', async () => {
    const id = await desk.ask();
    const removeTarget: PolicyChange = (policy) => ({
      ...policy,
      targets: policy.targets.filter((target) => target.id !== 'shop'),
    });
    await withPolicy(stack.keyturnDb, removeTarget, async () => {
      await remind(id);
      expect(await stack.waitForStatus(id, 'denied')).toMatchObject({
        denied_by: 'policy',
        failure: { code: 'target_removed' },
      });
    });
    expect(await stack.temporal.workflow.getHandle(id).result()).toBe('denied');
  });

  it('is denied when somebody behind it was deactivated', async () => {
    const id = await desk.ask();
    const deactivate: PolicyChange = (policy) => ({
      ...policy,
      directory: {
        ...policy.directory,
        agents: policy.directory.agents.map((agent) =>
          agent.id === 'agent-billing' ? { ...agent, active: false } : agent,
        ),
      },
    });
    await withPolicy(stack.keyturnDb, deactivate, async () => {
      await remind(id);
      expect(await stack.waitForStatus(id, 'denied')).toMatchObject({
        failure: { code: 'requester_inactive' },
      });
    });
  });

  it('moves to the inboxes of the owners of now', async () => {
    const byOwners = changeRequirement('usual', (requirement) => ({
      ...requirement,
      stages: [{ any: ['owners'], quorum: 1, escalate: [] }],
    }));
    await withPolicy(stack.keyturnDb, byOwners, async () => {
      const id = await desk.ask();
      const newOwners: PolicyChange = (policy) => ({
        ...policy,
        targets: policy.targets.map((target) => ({ ...target, owners: ['group:dba-leads'] })),
      });
      await withPolicy(stack.keyturnDb, newOwners, async () => {
        await remind(id);
        await waitFor({
          what: 'the other inbox',
          check: async () =>
            JSON.stringify((await desk.row(id))['open_selectors']) === '["group:dba-leads"]' || undefined,
        });
      });
    });
  });

  it('leaves nothing behind when nothing comes of it, however often it is asked for', async () => {
    const id = await desk.ask();
    const { version } = await desk.row(id);
    for (let count = 0; count < 5; count += 1) {
      await remind(id);
      await stack.temporal.workflow.getHandle(id).query('state');
    }
    expect(await desk.row(id)).toMatchObject({ status: 'pending', version });
    const { rows } = await stack.keyturnDb.query<{ evaluations: string; steps: string }>(
      `select (select count(*) from keyturn.evaluation where request = $1) as evaluations,
              (select count(*) from keyturn.step where request = $1 and step like 'reconsider/%') as steps`,
      [id],
    );
    expect(rows).toEqual([{ evaluations: '1', steps: '0' }]);
    // Each look was taken: its marker is in the history.
    const { events } = await stack.temporal.workflow.getHandle(id).fetchHistory();
    const looks = (events ?? []).filter((event) => event.markerRecordedEventAttributes);
    expect(looks.length).toBeGreaterThan(2);
  });

  it('is asked anew when more is needed: what was approved before is void', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await desk.decide(id, 'olga');
    const harder = changeRequirement('two-people', (requirement) => ({
      ...requirement,
      is_reason_required: true,
    }));
    await withPolicy(stack.keyturnDb, harder, async () => {
      await remind(id);
      await waitFor({
        what: 'the second round',
        check: async () => ((await desk.row(id))['round'] === 2 ? true : undefined),
      });
      await stack.waitForStatus(id, 'pending');
      await desk.decide(id, 'dmitri');
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'succeeded');
    });
    expect(await courseOf(stack, id)).toContain('request.drifted');
  });

  it('stays as it was asked when less would be needed now', async () => {
    const id = await desk.ask();
    const digest = (await desk.row(id))['decision_digest'];
    await withPolicy(stack.keyturnDb, allow, async () => {
      await remind(id);
      await remind(id);
      await desk.decide(id, 'petra');
      await waitFor({
        what: 'the refusal that follows the hints',
        check: async () => ((await courseOf(stack, id)).includes('decision.refused') ? true : undefined),
      });
      expect(await desk.row(id)).toMatchObject({ status: 'pending', decision_digest: digest, round: 1 });
    });
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
  });
});

describe('a request that waits, when people change', () => {
  const change = (person: string, isActive: boolean, dba = ['olga', 'dmitri', 'petra']): PolicyChange => {
    return (policy) => ({
      ...policy,
      directory: {
        ...policy.directory,
        people: policy.directory.people.map((one) =>
          one.id === person ? { ...one, active: isActive } : one,
        ),
        groups: policy.directory.groups.map((group) =>
          group.id === 'dba' ? { ...group, members: dba } : group,
        ),
      },
    });
  };
  const shortageOf = async (id: string) => (await desk.row(id))['shortage'];

  it('does not count who was deactivated, and keeps the good approval', async () => {
    await withPolicy(stack.keyturnDb, change('olga', true), async () => {
      const id = await desk.ask({ target: 'shop-two-people' });
      await desk.decide(id, 'olga');
      await counted(id, 1);
      await withPolicy(stack.keyturnDb, change('olga', false), async () => {
        await desk.decide(id, 'dmitri');
        await counted(id, 2);
        expect(await desk.row(id)).toMatchObject({
          status: 'pending',
          round: 1,
          open_selectors: ['group:dba'],
        });
        await desk.decide(id, 'petra');
        await stack.waitForStatus(id, 'succeeded');
        expect(await desk.row(id)).toMatchObject({ round: 1 });
      });
    });
  });

  it('counts again who is back, without anybody answering twice', async () => {
    await withPolicy(stack.keyturnDb, change('olga', true), async () => {
      const id = await desk.ask({ target: 'shop-two-people' });
      await desk.decide(id, 'olga');
      await counted(id, 1);
      await withPolicy(stack.keyturnDb, change('olga', false), async () => {
        await desk.decide(id, 'dmitri');
        await counted(id, 2);
      });
      await remind(id);
      await stack.waitForStatus(id, 'succeeded');
    });
  });

  it.each<[string, PolicyChange]>([
    ['emptied', change('olga', true, [])],
    [
      'deleted',
      (policy) => ({
        ...policy,
        directory: { ...policy.directory, groups: policy.directory.groups.filter(({ id }) => id !== 'dba') },
      }),
    ],
  ])(
    'says that too few can approve it once its group is %s, and when there are enough again',
    async (_name, gone) => {
      const id = await desk.ask({ target: 'shop-two-people' });
      expect(await shortageOf(id)).toBe(null);
      await withPolicy(stack.keyturnDb, gone, async () => {
        await remind(id);
        await waitFor({
          what: 'the shortage',
          check: async () => ((await shortageOf(id)) === null ? undefined : true),
        });
        expect(await shortageOf(id)).toEqual([{ rule: 'two-people', seats: 2, fillable: 0 }]);
      });
      await remind(id);
      await waitFor({
        what: 'enough people',
        check: async () => ((await shortageOf(id)) === null ? true : undefined),
      });
    },
  );
});

describe('an approval that was given before its stage opened', () => {
  it('fills its seat when the stage opens', async () => {
    const early: PolicyChange = (policy) => {
      const [rule] = policy.rules.filter(({ id }) => id === 'sequential');
      const anybody = rule?.require && {
        ...rule,
        id: 'anybody',
        require: {
          ...rule.require,
          stages: [{ any: ['group:shop-owners', 'group:dba'] as const, quorum: 1, escalate: [] }],
        },
      };
      return { ...policy, rules: [...policy.rules, ...(anybody ? [anybody] : [])] };
    };
    await withPolicy(stack.keyturnDb, early, async () => {
      const id = await desk.ask({ target: 'shop-sequential' });
      await desk.decide(id, 'omar');
      await counted(id, 1);
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'succeeded');
    });
  });

  it('fills a seat that escalates to its person, without anybody doing anything more', async () => {
    const early: PolicyChange = (policy) => {
      const [rule] = policy.rules.filter(({ id }) => id === 'escalating');
      const leads = rule?.require && {
        ...rule,
        id: 'leads',
        require: {
          ...rule.require,
          stages: [{ any: ['group:dba-leads'] as const, quorum: 1, escalate: [] }],
        },
      };
      return { ...policy, rules: [...policy.rules, ...(leads ? [leads] : [])] };
    };
    await withPolicy(stack.keyturnDb, early, async () => {
      const id = await desk.ask({ target: 'shop-escalating' });
      await desk.decide(id, 'petra');
      await stack.waitForStatus(id, 'succeeded');
      expect(await courseOf(stack, id)).toContain('request.escalated');
    });
  });
});
