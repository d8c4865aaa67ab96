import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ClaimsDatabase, connect, leafOf, type Answer, type Token } from './claims.ts';

let db: ClaimsDatabase;
beforeAll(async () => {
  db = await ClaimsDatabase.open();
});
afterAll(async () => {
  await db.close();
});
beforeEach(async () => {
  await db.empty();
});

describe('several at once', () => {
  it('leave one membership each, by the newest token, and one entry for each change', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(db.databases.keyturn.api)));
    const from = db.second;
    const tokens = Array.from({ length: 40 }, (_, index) => ({
      issuedAt: from + 1 + index,
      listed: index % 3 === 0 ? ['sql admins'] : index % 3 === 1 ? ['sql admins', 'leads'] : [],
    }));
    db.second += tokens.length;
    const before = [await db.generation(), await db.countEntries()] as const;
    await Promise.all(
      clients.map(async (by, client) => {
        // Each has all tokens, from another one on.
        for (const [index] of tokens.entries()) {
          const token = tokens[(index * 7 + client * 5) % tokens.length];
          await db.see('ada', token?.listed ?? [], { issuedAt: token?.issuedAt ?? 0, by });
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
    // The newest lists one, so something changes for certain: what others list may be outdated before its entry is brought.
    expect([await db.members('dba'), await db.members('leads')]).toEqual([['ada'], []]);
    const { rows } = await db.clients.admin.query(
      `select 1 from keyturn.membership one join keyturn.membership other using (group_id, person)
       where one.id < other.id and tstzrange(one.valid_from, one.valid_to) && tstzrange(other.valid_from, other.valid_to)`,
    );
    expect(rows).toEqual([]);
    const changes = (await db.generation()) - before[0];
    expect(changes).toBeGreaterThan(0);
    expect((await db.countEntries()) - before[1]).toBe(changes);
  });

  it('without standing in line lose nothing: an entry that does not fit any more is asked for anew', async () => {
    const { api } = db.clients;
    const issuedAt = (db.second += 2);
    let calls = 0;
    // Between question and entry comes what another token lists that was issued before.
    const by: NonNullable<Token['by']> = {
      query: async (sql, values) => {
        calls += 1;
        if (calls === 2) await db.see('ada', ['leads', 'sql admins'], { issuedAt: issuedAt - 1, by: api });
        return api.query<Answer>(sql, values);
      },
    };
    expect(await db.see('ada', ['leads'], { issuedAt, by })).toEqual({
      joined: [],
      left: ['dba'],
      renewed: [],
    });
    expect(calls).toBe(3);
    expect([await db.members('dba'), await db.members('leads')]).toEqual([[], ['ada']]);
  });
});

describe('nobody can', () => {
  it('write what was seen, or a membership, but the API by this one function', async () => {
    const worker = await connect(db.databases.keyturn.worker);
    const seen = `'{}', null`;
    for (const client of [worker, db.clients.api])
      for (const sql of [
        `insert into keyturn.claims_seen (issuer) values ('i')`,
        `update keyturn.claims_seen set issued_at = now()`,
        `select * from keyturn.claims_seen`,
        `update keyturn.membership set lapses_at = null`,
        `select keyturn.settle_claims(null, now())`,
        `select keyturn.keep_claims('{}', now())`,
        `select keyturn.count_directory_change(now())`,
        `select keyturn.append_directory_leaf('claims:x', '{}')`,
      ])
        await expect(client.query(sql), sql).rejects.toThrow('permission denied');
    await expect(worker.query(`select keyturn.see_claims(${seen})`)).rejects.toThrow('permission denied');
    await worker.end();
  });

  it.each<[string, (facts: object) => string]>([
    ['no entry at all', () => 'null'],
    ['an entry about something else', (facts) => leafOf({ ...facts, joined: [] })],
    ['an entry that says more', (facts) => leafOf({ ...facts, left: ['leads'] })],
    ['an entry about another person', (facts) => leafOf({ ...facts, person: 'per_olga' })],
    ['an entry of another authority', (facts) => leafOf({ ...facts, authority: 'scim:okta' })],
  ])('change who is in a group with %s', async (_name, leaf) => {
    await expect(db.see('ada', ['leads'], { leaf })).rejects.toThrow('another entry is needed');
    expect(await db.members('leads')).toEqual([]);
  });

  it.each<[string, (facts: object) => string]>([
    ['of another type', (facts) => leafOf(facts).replace('directory.changed', 'policy.installed')],
    ['in another stream', (facts) => leafOf(facts).replace('"run":"directory"', '"run":"policy"')],
  ])('bring an entry %s with it', async (_name, leaf) => {
    await expect(db.see('ada', ['leads'], { leaf })).rejects.toThrow('not the next entry');
    expect(await db.members('leads')).toEqual([]);
  });

  it('be seen by the account of an agent, of somebody else, or of nobody', async () => {
    for (const [subject, person] of [
      ['robot', 'ada'],
      ['olga', 'ada'],
      ['nobody', 'ada'],
    ] as const)
      await expect(db.see(subject, ['leads'], { person })).rejects.toMatchObject({ code: 'KT001' });
    expect(await db.members('leads')).toEqual([]);
  });

  it('be seen tomorrow, or in more groups than a token may list', async () => {
    const tomorrow = Date.now() / 1_000 + 86_400;
    await expect(db.see('ada', ['leads'], { issuedAt: tomorrow })).rejects.toThrow('ahead of the clock');
    const many = Array.from({ length: 201 }, (_, index) => `g${index}`);
    await expect(db.see('ada', ['leads', ...many])).rejects.toThrow('what a token can say');
    expect(await db.members('leads')).toEqual([]);
  });
});
