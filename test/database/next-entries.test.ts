import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { leafHash, leafText, type Leaf } from '../../domain/audit/leaf.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let admin: Client;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`entries_${takeNumber()}`);
  admin = new Client({ connectionString: keyturn.admin });
  await admin.connect();
});
afterAll(async () => admin.end());

/** An entry of a stream of its own, as Keyturn writes it. */
function written(n: number, prev: string | null): string {
  return leafText(
    {
      type: 'decision.attempt_refused',
      at: '2026-01-02T03:04:05.678Z',
      actor: { pseudonym: 'acc_x', kind: 'person', via: 'api' },
      intent_digest: 'sha256:1',
      decision_digest: null,
      policy_digest: 'sha256:2',
      facts: { code: 'x' },
      evidence: { grade: 'C', refs: ['sha256:3'] },
      parts: { reason: 'x' },
    },
    {
      id: `req_x/run/attempt/${n}`,
      request: 'req_x',
      run: 'run',
      namespace: 'default',
      n,
      prev: prev === null ? null : leafHash(prev),
      nonce: 'ab'.repeat(16),
      salts: { reason: 'ab'.repeat(16) },
    },
  );
}

const FIRST = written(0, null);
const NEXT = JSON.parse(written(1, FIRST)) as Leaf;

async function check(leaf: object): Promise<number> {
  await admin.query('begin');
  try {
    await admin.query('insert into audit.entry (leaf) values ($1)', [FIRST]);
    const { rows } = await admin.query<{ n: number }>(`select keyturn.check_leaf($1, 'req_x', 'run') as n`, [
      JSON.stringify(leaf),
    ]);
    return rows[0]?.n ?? -1;
  } finally {
    await admin.query('rollback');
  }
}

const at = (time: string): object => ({ ...NEXT, at: time });

/** Of each field, what its readers could not use. */
const UNUSABLE: readonly (readonly [string, object])[] = [
  ...Object.keys(NEXT).map((key): [string, object] => [
    `without ${key}`,
    Object.fromEntries(Object.entries(NEXT).filter(([name]) => name !== key)),
  ]),
  ...Object.keys(NEXT)
    .filter((key) => key !== 'after')
    .map((key): [string, object] => [`with a truth value for ${key}`, { ...NEXT, [key]: true }]),
  ['with a further field', { ...NEXT, more: 1 }],
  ['of another version', { ...NEXT, v: 2 }],
  ['whose number is text', { ...NEXT, n: '1' }],
  ['out of turn', { ...NEXT, n: 2 }],
  ['that follows from nothing', { ...NEXT, prev: null }],
  ['of another run', { ...NEXT, stream: { request: 'req_x', run: 'other' } }],
  ['of a stream with more', { ...NEXT, stream: { ...NEXT.stream, more: 1 } }],
  ['of another workflow', { ...NEXT, temporal: { ...NEXT.temporal, workflow: 'req_y' } }],
  ['whose namespace is a number', { ...NEXT, temporal: { ...NEXT.temporal, namespace: 1 } }],
  ['of a second of sixty', at('2026-01-02T03:04:60.000Z')],
  ['of an hour of twenty-four', at('2026-01-02T24:00:00.000Z')],
  ['of another zone', at('2026-01-02T03:04:05.678+00:00')],
  ['of a shorter time', at('2026-01-02T03:04:05Z')],
  ['after a checkpoint', { ...NEXT, after: 'x' }],
  ['whose actor is of no kind', { ...NEXT, actor: { ...NEXT.actor, kind: 'god' } }],
  ['whose actor has more', { ...NEXT, actor: { ...NEXT.actor, more: 'x' } }],
  ['whose actor has a number for a name', { ...NEXT, actor: { ...NEXT.actor, pseudonym: 1 } }],
  ['whose policy is text', { ...NEXT, policy: 'sha256:2' }],
  ['whose policy has more', { ...NEXT, policy: { digest: 'sha256:2', more: 1 } }],
  ['whose evidence is of no grade', { ...NEXT, evidence: { grade: 'Z', refs: [] } }],
  ['whose evidence refers to numbers', { ...NEXT, evidence: { grade: 'C', refs: [1] } }],
  ['whose facts are a list', { ...NEXT, facts: [] }],
  ['that commits to a number', { ...NEXT, commit: { reason: 1 } }],
  ['that commits to no digest', { ...NEXT, commit: { reason: 'x' } }],
  ['whose nonce is short', { ...NEXT, nonce: 'ab' }],
];

/** What PostgreSQL itself reads as no time. */
const IN_NO_CALENDAR = [
  ['a day that is none', '2026-02-30T03:04:05.678Z'],
  ['a month that is none', '2026-13-01T03:04:05.678Z'],
  ['a year before years', '0000-01-01T03:04:05.678Z'],
] as const;

describe('an entry that a function of the database takes', () => {
  it('is the next one of its stream, as Keyturn writes it', async () => {
    expect(await check(NEXT)).toBe(1);
    const bare = { ...NEXT, policy: null, evidence: null, commit: {}, intent_digest: null };
    expect(await check(bare)).toBe(1);
  });

  it.each(UNUSABLE)('is refused %s', async (_what, leaf) => {
    await expect(check(leaf)).rejects.toMatchObject({
      code: 'P0001',
      message: 'not the next entry of its log',
    });
  });

  it.each(IN_NO_CALENDAR)('is refused of %s, which is no time at all', async (_what, time) => {
    await expect(check(at(time))).rejects.toMatchObject({ code: '22008' });
  });

  it('is checked by the same function wherever one is written', async () => {
    const { rows } = await admin.query<{ name: string; source: string }>(
      `select proname as name, prosrc as source from pg_proc
       where pronamespace in ('keyturn'::regnamespace, 'audit'::regnamespace)`,
    );
    const sources = new Map(rows.map(({ name, source }) => [name, source]));
    const writers = rows.filter(({ source }) => source.includes('insert into audit.entry'));
    expect(writers.map(({ name }) => name)).not.toEqual([]);
    const unchecked = writers.filter(({ source }) => {
      const called = [...source.matchAll(/keyturn\.(check_\w+)/g)].map(([, name]) => name ?? '');
      return ![source, ...called.map((name) => sources.get(name) ?? '')].some((text) =>
        text.includes('keyturn.check_leaf('),
      );
    });
    expect(unchecked.map(({ name }) => name)).toEqual([]);
  });
});
