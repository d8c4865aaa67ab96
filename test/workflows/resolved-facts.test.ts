import { afterAll, beforeAll, expect, it } from 'vitest';

import { explainRequest } from '../../database/explanation.ts';
import type { StoredFacts } from '../../domain/policy/built-in-facts.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { activePolicy, synchronise, withPolicy, type PolicyChange } from './policies.ts';
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

/** Statements are looked up: those of the table, and those that are called like somebody. */
const lookingUp: PolicyChange = (policy) => ({
  ...policy,
  tables: [{ id: 'known', columns: { harmless: 'flag' }, rows: { 'select 1': { harmless: true } } }],
  actions: policy.actions.map((action) => ({
    ...action,
    facts: {
      statement: { resolver: 'table', table: 'known', of: 'args.statement' },
      person: { resolver: 'identity', of: 'args.statement' },
    },
  })),
  rules: [
    ...policy.rules,
    {
      id: 'nobody-unknown',
      on: { action: ['postgres.execute'], env: null },
      when: '!(facts.statement.known && facts.statement.harmless) && !(facts.person.known && facts.person.active)',
      effect: 'forbid',
      because: null,
      require: null,
      replaces_default: false,
      source: 'rules/facts.yaml:1',
    },
  ],
});

async function keptFacts(id: string): Promise<StoredFacts['facts']> {
  const { rows } = await stack.keyturnDb.query<{ body: StoredFacts }>(
    `select body from keyturn.evaluation join keyturn.fact_set on digest = facts_digest
     where request = $1 order by evaluation.id desc limit 1`,
    [id],
  );
  return rows[0]?.body.facts;
}

it('decides by facts that the worker looks up, keeps them, and proves them after the directory has changed', async () => {
  await withPolicy(stack.keyturnDb, lookingUp, async () => {
    const [listed, person, unknown] = await Promise.all([
      desk.ask({ statement: 'select 1' }),
      desk.ask({ statement: 'dmitri' }),
      desk.ask({ statement: 'select 2' }, 'denied'),
    ]);
    expect(await keptFacts(listed)).toEqual({
      statement: { resolver: 'table', of: 'select 1', value: { known: true, harmless: true } },
      person: { resolver: 'identity', of: 'select 1', value: { known: false } },
    });
    const kept = { known: true, active: true, kind: 'person', is_in_chain: false };
    expect((await keptFacts(person))?.['person']).toMatchObject({ of: 'dmitri', value: kept });
    expect((await keptFacts(unknown))?.['statement']?.value).toEqual({ known: false });

    const { directory } = await activePolicy(stack.keyturnDb);
    const left = directory.people.map((one) => (one.id === 'dmitri' ? { ...one, active: false } : one));
    await synchronise(stack.keyturnDb, { ...directory, people: left });
    for (const id of [listed, person, unknown]) {
      const explained = await explainRequest(worker.dependencies.source.manager, id);
      expect(explained.map(({ recomputed }) => recomputed.kind)).not.toContain('differs');
      expect(explained.at(-1)?.recomputed.kind).toBe('agrees');
    }
    // The same question is answered otherwise now.
    await desk.ask({ statement: 'dmitri' }, 'denied');
  });
});
