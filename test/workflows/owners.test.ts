import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestPage, RequestView } from '../../contract/requests.ts';
import type { LookupTable } from '../../domain/policy/fact-declarations.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { executionsOf, verdictsOf, waitForLeaves, waitForVerdicts } from './facts.ts';
import { withHeldClaims } from './held-claims.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { withPolicy, type PolicyChange } from './policies.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

const LISTED = 'select 1';

/** Statements have owners by a table; those that are not in it are for the leads. Omar owns the target. */
function listing(rows: LookupTable['rows']): PolicyChange {
  return (policy) => ({
    ...policy,
    tables: [{ id: 'statements', columns: { owners: 'selectors' }, rows }],
    actions: policy.actions.map((action) => ({
      ...action,
      owners: {
        resolver: 'table',
        table: 'statements',
        column: 'owners',
        of: 'args.statement',
        otherwise: 'group:dba-leads',
      },
    })),
  });
}

const listed = listing({ [LISTED]: { owners: ['group:dba'] } });
const unlisted = listing({});

/** Asks where nothing but the default is required: one owner. */
async function ask(statement = LISTED): Promise<string> {
  return desk.ask({ target: 'shop-unruled', statement });
}

/** The results of one decision after another. */
async function decided(id: string, ...people: readonly string[]): Promise<readonly string[]> {
  for (const [index, person] of people.entries()) {
    await desk.decide(id, person);
    await waitForVerdicts(stack, id, index + 1);
  }
  return verdictsOf(stack, id);
}

describe('a request whose owners an argument names', () => {
  it('is approved by a member of their group, and not by who owns the target', async () => {
    await withPolicy(stack.keyturnDb, listed, async () => {
      const id = await ask();
      expect(await desk.row(id)).toMatchObject({
        owner_key: { of: 'args.statement', value: LISTED },
        open_selectors: ['group:dba'],
        shortage: null,
      });
      expect(await decided(id, 'omar', 'petra', 'dmitri')).toEqual([
        'omar: not_eligible',
        'petra: not_eligible',
        'dmitri: approve',
      ]);
      await stack.waitForStatus(id, 'succeeded');
      expect(worker.target.effects).toContain(id);
    });
  });

  it('is in the inboxes of these owners alone, and the API says the same of who may decide', async () => {
    await withPolicy(stack.keyturnDb, listed, async () => {
      const token = await stack.issuer.agentToken('agent-billing');
      const body = { action: 'postgres.execute', target: 'shop-unruled', arguments: { statement: LISTED } };
      const { id } = (await stack.request<RequestView>(token, body)).body;
      const seen = async (person: string): Promise<readonly string[]> => {
        const path = '/v1/inbox';
        const page = await stack.http<RequestPage>({ path, token: await stack.issuer.humanToken(person) });
        return page.body.items.map((item) => item.id);
      };
      expect(await seen('dmitri')).toEqual([id]);
      for (const person of ['omar', 'petra']) {
        expect(await seen(person)).toEqual([]);
        const refused = await stack.decide(await stack.issuer.humanToken(person), id);
        expect(refused).toMatchObject({ status: 403, body: { code: 'not_eligible' } });
      }
      const counted = await stack.decide(await stack.issuer.humanToken('dmitri'), id);
      expect(counted.status).toBeLessThan(300);
      await stack.waitForStatus(id, 'succeeded');
    });
  });

  it('falls to the group of the catalogue where it was never heard of', async () => {
    await withPolicy(stack.keyturnDb, listed, async () => {
      const id = await ask('select 2');
      expect(await decided(id, 'omar', 'dmitri', 'petra')).toEqual([
        'omar: not_eligible',
        'dmitri: not_eligible',
        'petra: approve',
      ]);
    });
  });

  it('seats nobody by a row that was added after it was made', async () => {
    await withPolicy(stack.keyturnDb, unlisted, async () => {
      const id = await ask();
      await withPolicy(stack.keyturnDb, listed, async () => {
        expect(await decided(id, 'dmitri', 'petra')).toEqual(['dmitri: not_eligible', 'petra: not_eligible']);
        const refused = await stack.decide(await stack.issuer.humanToken('dmitri'), id);
        expect(refused).toMatchObject({ status: 403, body: { code: 'not_eligible' } });
        // The API says so by itself: nothing more was sent to the worker.
        expect(await verdictsOf(stack, id)).toHaveLength(2);
      });
      expect((await desk.row(id))['status']).toBe('pending');
    });
  });

  it('is not executed on the approval of somebody who was taken from the table before the claim', async () => {
    await withPolicy(stack.keyturnDb, listed, async () => {
      const id = await ask();
      await withHeldClaims(
        stack,
        async (held) => {
          await desk.decide(id, 'dmitri');
          await stack.waitForStatus(id, 'approved');
          await held.changePolicy(unlisted);
        },
        async () => {
          await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
          expect(await executionsOf(stack, id)).toEqual([]);
          expect(worker.target.effects).not.toContain(id);
          await desk.decide(id, 'dmitri');
          expect(await waitForVerdicts(stack, id, 2)).toEqual(['dmitri: approve', 'dmitri: not_eligible']);
        },
      );
    });
  });

  it('is not executed where the database names others than the signed arguments do', async () => {
    await withPolicy(stack.keyturnDb, listed, async () => {
      const id = await ask('select 2');
      await stack.keyturnDb.query(
        `update keyturn.request set owner_key = jsonb_set(owner_key, '{value}', to_jsonb($2::text)) where id = $1`,
        [id, LISTED],
      );
      await desk.decide(id, 'dmitri');
      await expect(stack.temporal.workflow.getHandle(id).result()).rejects.toThrow(
        'Workflow execution failed',
      );
      expect(await executionsOf(stack, id)).toEqual([]);
      expect(worker.target.effects).not.toContain(id);
    });
  });

  it('keeps nothing of its arguments where the action looks no owners up', async () => {
    const id = await ask();
    expect((await desk.row(id))['owner_key']).toBeNull();
    expect(await decided(id, 'omar')).toEqual(['omar: approve']);
  });
});
