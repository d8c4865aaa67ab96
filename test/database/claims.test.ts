import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { claimsAuthority, type Directory, type Group } from '../../domain/identity/directory.ts';
import { ClaimsDatabase, DIRECTORY, fromClaims, HOUR_MS, ISSUER } from './claims.ts';

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

describe('a group whose members are seen in claims', () => {
  it('holds a person from when her token was first seen with it, until one is seen without', async () => {
    const before = await db.instant();
    expect(await db.see('ada', ['sql admins', 'unheard of'])).toEqual({
      joined: ['dba'],
      left: [],
      renewed: [],
    });
    const during = await db.instant();
    expect(await db.see('ada', ['leads'])).toEqual({ joined: ['leads'], left: ['dba'], renewed: [] });
    const after = await db.instant();
    expect(await db.see('ada', [])).toEqual({ joined: [], left: ['leads'], renewed: [] });
    const answers = [before, during, after].map(async (at) => [
      await db.members('dba', at),
      await db.members('leads', at),
    ]);
    expect(await Promise.all(answers)).toEqual([
      [[], []],
      [['ada'], []],
      [[], ['ada']],
    ]);
    expect([await db.members('dba'), await db.members('leads')]).toEqual([[], []]);
  });

  it('writes an entry for each change and none for a token that says the same', async () => {
    await db.see('ada', ['leads']);
    const [entriesBefore, generationBefore] = [await db.countEntries(), await db.generation()];
    expect(await db.see('ada', ['leads'])).toBeNull();
    expect(await db.see('ada', ['leads'], { issuedAt: db.second })).toBeNull();
    expect([await db.countEntries(), await db.generation()]).toEqual([entriesBefore, generationBefore]);
    await db.see('ada', []);
    expect([await db.countEntries(), await db.generation()]).toEqual([
      entriesBefore + 1,
      generationBefore + 1,
    ]);
  });

  it('never comes back by an older token', async () => {
    await db.see('ada', ['sql admins']);
    const old = db.second;
    await db.see('ada', [], { issuedAt: (db.second += 5) });
    expect(await db.see('ada', ['sql admins'], { issuedAt: old })).toBeNull();
    expect(await db.see('ada', ['sql admins'], { issuedAt: db.second - 1 })).toBeNull();
    expect(await db.members('dba')).toEqual([]);
  });

  it('holds of two tokens of one second what both list, whichever comes first', async () => {
    db.second += 1;
    await db.see('ada', ['sql admins', 'leads'], { issuedAt: db.second });
    await db.see('ada', ['leads'], { issuedAt: db.second });
    await db.see('ada', ['sql admins', 'leads'], { issuedAt: db.second });
    expect([await db.members('dba'), await db.members('leads')]).toEqual([[], ['ada']]);
    await db.see('olga', ['leads'], { issuedAt: db.second });
    await db.see('olga', ['sql admins', 'leads'], { issuedAt: db.second });
    expect([await db.members('dba'), await db.members('leads')]).toEqual([[], ['ada', 'olga']]);
  });

  it('holds a person with two accounts while either lists it', async () => {
    await db.see('ada', ['leads']);
    await db.see('ada.second', ['leads', 'sql admins']);
    await db.see('ada', []);
    expect([await db.members('dba'), await db.members('leads')]).toEqual([['ada'], ['ada']]);
    await db.see('ada.second', []);
    expect([await db.members('dba'), await db.members('leads')]).toEqual([[], []]);
  });
});

describe('a membership that is not seen again', () => {
  it('lapses by itself when the token is too old, and was there until then', async () => {
    await db.see('ada', ['leads']);
    const { rows } = await db.clients.admin.query<{ lapses_at: Date }>(
      `select lapses_at from keyturn.membership where person = 'ada' and valid_to is null`,
    );
    const lapsesAt = rows[0]?.lapses_at.getTime() ?? 0;
    expect(lapsesAt).toBe(db.second * 1_000 + HOUR_MS);
    expect(await db.members('leads', new Date(lapsesAt - 1))).toEqual(['ada']);
    expect(await db.members('leads', new Date(lapsesAt))).toEqual([]);
    expect(await db.members('leads', new Date(lapsesAt - 1))).toEqual(['ada']);
  });

  it('does not begin by a token that is too old', async () => {
    await db.install({ ...DIRECTORY, groups: [fromClaims('short', 'short', 60_000)] });
    expect(await db.see('ada', ['short'])).toBeNull();
    expect(await db.members('short')).toEqual([]);
  });

  it('goes on with a later token, written only when that wins a quarter of its age', async () => {
    await db.see('ada', ['leads']);
    const first = await db.generation();
    expect(await db.see('ada', ['leads'], { issuedAt: (db.second += 890) })).toBeNull();
    expect(await db.generation()).toBe(first);
    expect(await db.see('ada', ['leads'], { issuedAt: (db.second += 20) })).toEqual({
      joined: [],
      left: [],
      renewed: ['leads'],
    });
    expect(await db.members('leads', new Date(db.second * 1_000 + HOUR_MS - 1))).toEqual(['ada']);
  });

  it('is shorter at once where policy says so', async () => {
    await db.see('ada', ['leads']);
    const [soonMs, ageMs] = [Date.now() + 120_000, HOUR_MS - 1_000];
    await db.install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', soonMs - db.second * 1_000)] });
    expect(await db.members('leads', new Date(soonMs - 1))).toEqual(['ada']);
    expect(await db.members('leads', new Date(soonMs))).toEqual([]);
    await db.install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', 60_000)] });
    expect(await db.members('leads')).toEqual([]);
    // What was seen is remembered: it counts again where policy trusts it for longer, from then on.
    const before = await db.instant();
    await db.install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', ageMs)] });
    expect([await db.members('leads', before), await db.members('leads')]).toEqual([[], ['ada']]);
  });
});

describe('a membership by claims rests on', () => {
  beforeEach(async () => {
    await db.see('ada', ['sql admins']);
  });

  it('what tokens call the group', async () => {
    await db.install({ ...DIRECTORY, groups: [fromClaims('dba', 'database admins')] });
    expect(await db.members('dba')).toEqual([]);
    await db.see('ada', ['sql admins']);
    expect(await db.members('dba')).toEqual([]);
    await db.see('ada', ['database admins']);
    expect(await db.members('dba')).toEqual(['ada']);
  });

  it('the issuer', async () => {
    const other = { ...fromClaims('dba', 'sql admins'), authority: claimsAuthority('https://other.example') };
    await db.install({ ...DIRECTORY, groups: [other] });
    expect(await db.members('dba')).toEqual([]);
  });

  it('the account: its next holder is not in the group by what was seen of another', async () => {
    const [ada, olga] = DIRECTORY.people;
    const moved = { issuer: ISSUER, subject: 'ada' };
    await db.install({
      ...DIRECTORY,
      people: [
        { ...(ada ?? olga), accounts: [] },
        { ...(olga ?? ada), accounts: [...(olga?.accounts ?? []), moved] },
      ] as Directory['people'],
    });
    expect(await db.members('dba')).toEqual([]);
    await db.see('ada', ['sql admins'], { person: 'olga' });
    expect(await db.members('dba')).toEqual(['olga']);
  });

  it('the group: the file may take it over, and then says alone who is in it', async () => {
    const ofFile = (members: readonly string[]): Group => ({ id: 'dba', members, groups: [] });
    await db.install({ ...DIRECTORY, groups: [ofFile(['ada'])] });
    expect(await db.members('dba', new Date(Date.now() + 2 * HOUR_MS))).toEqual(['ada']);
    await db.install({ ...DIRECTORY, groups: [ofFile(['olga'])] });
    expect(await db.members('dba')).toEqual(['olga']);
    await db.see('ada', ['sql admins']);
    expect(await db.members('dba')).toEqual(['olga']);
    await db.install({ ...DIRECTORY, groups: [] });
    await db.install(DIRECTORY);
    // What was seen when nobody asked for it is not remembered.
    expect(await db.members('dba')).toEqual([]);
    await db.see('ada', ['sql admins'], { issuedAt: db.second });
    expect(await db.members('dba')).toEqual(['ada']);
  });
});
