import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseFilter } from '../../../apps/api/scim/filter.ts';
import type { Filter, FilterOperator } from '../../../database/scim-filter.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import { startApi, type TestApi } from '../api.ts';
import { provider, writeScim, type List, type Provider } from './provisioning.ts';

const ATTRIBUTES = ['username', 'externalid', 'displayname', 'id'] as const;
const operator: fc.Arbitrary<FilterOperator> = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew');
const text = fc.oneof(
  fc.constantFrom('ann', 'A', '%', '_', '\\', '"', "'", '', 'bob@example.com', 'é', '𝄞'),
  fc.string({ unit: 'grapheme', maxLength: 5 }).filter((value) => !value.includes('\0')),
);

const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    attribute: fc.constantFrom(...ATTRIBUTES),
    operator,
    value: text,
  }),
  fc.record({
    kind: fc.constant('compare' as const),
    attribute: fc.constant('active'),
    operator: fc.constantFrom('eq' as const, 'ne' as const),
    value: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('present' as const), attribute: fc.constantFrom(...ATTRIBUTES) }),
);

const anyFilter: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ kind: fc.constant('not' as const), term: tie('filter') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).filter;

/** A filter as a provider writes it, each part in parentheses. */
function written(filter: Filter): string {
  switch (filter.kind) {
    case 'compare':
      return `${filter.attribute} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case 'present':
      return `${filter.attribute} pr`;
    case 'not':
      return `not (${written(filter.term)})`;
    case 'within':
      return `${filter.attribute}[${written(filter.term)}]`;
    case 'and':
    case 'or':
      return filter.terms.map((term) => `(${written(term)})`).join(` ${filter.kind} `);
  }
}

/** How often a filter looks at something: more than the limit is refused. */
function size(filter: Filter): number {
  if (filter.kind === 'and' || filter.kind === 'or')
    return filter.terms.reduce((sum, term) => sum + 1 + size(term), 0);
  return filter.kind === 'not' ? 1 + size(filter.term) : 1;
}

interface Person {
  readonly id: string;
  readonly userName: string;
  readonly externalId: string | null;
  readonly displayName: string | null;
  readonly active: boolean;
}

/** What a filter means, said once more in another way. */
function isMeant(person: Person, filter: Filter): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.terms.every((term) => isMeant(person, term));
    case 'or':
      return filter.terms.some((term) => isMeant(person, term));
    case 'not':
      return !isMeant(person, filter.term);
    case 'within':
      throw new Error('not asked');
    case 'present':
      return valueOf(person, filter.attribute) !== null;
    case 'compare':
      return isComparedAs(person, filter);
  }
}

function valueOf(person: Person, attribute: string): string | null {
  const values: Record<string, string | null> = {
    id: person.id,
    username: person.userName,
    externalid: person.externalId,
    displayname: person.displayName,
  };
  return values[attribute] ?? null;
}

function isComparedAs(
  person: Person,
  { attribute, operator: by, value }: Filter & { kind: 'compare' },
): boolean {
  if (attribute === 'active') return (person.active === value) === (by === 'eq');
  const isFolded = attribute === 'username' || attribute === 'displayname';
  const fold = (given: string): string => (isFolded ? given.toLowerCase() : given);
  const found = valueOf(person, attribute);
  if (found === null) return by === 'ne';
  const [left, right] = [fold(found), fold(String(value))];
  if (by === 'co') return left.includes(right);
  if (by === 'sw') return left.startsWith(right);
  if (by === 'ew') return left.endsWith(right);
  return (left === right) === (by === 'eq');
}

describe('the grammar of filters', () => {
  it('reads every filter as it was meant', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        fc.pre(size(filter) < 30 && written(filter).length < 1_500);
        expect(parseFilter(written(filter))).toEqual(filter);
      }),
    );
  });

  it('binds not before and, and before or, whatever the case of letters and the spaces', () => {
    const compare = (value: string): Filter => ({ kind: 'compare', attribute: 'id', operator: 'eq', value });
    const [a, b, c] = [compare('a'), compare('b'), compare('c')];
    expect(parseFilter('id eq "a" or id eq "b" and id eq "c"')).toEqual({
      kind: 'or',
      terms: [a, { kind: 'and', terms: [b, c] }],
    });
    expect(parseFilter('  NOT(ID EQ "a")AND Id Eq "b" ')).toEqual({
      kind: 'and',
      terms: [{ kind: 'not', term: a }, b],
    });
    expect(parseFilter('urn:ietf:params:scim:schemas:core:2.0:User:id eq "a"')).toEqual(a);
    expect(parseFilter('members[value eq "a"]')).toMatchObject({ kind: 'within', attribute: 'members' });
  });

  it.each([
    '',
    ' ',
    'userName',
    'userName eq',
    'userName eq bob',
    'userName gt "a"',
    'userName eq "a" and',
    '(userName pr',
    'userName pr)',
    'not userName pr',
    'userName eq "a" xor id pr',
    '"a" eq "a"',
    'userName eq "a\u0000"',
    'userName eq "\\u0000"',
    'userName eq "\\ud800"',
    'a.b.c eq "x"',
    'members[value eq "x"',
    `${'('.repeat(40)}id pr${')'.repeat(40)}`,
    `${'not ('.repeat(40)}id pr${')'.repeat(40)}`,
    Array.from({ length: 100 }, () => 'id pr').join(' or '),
    'x'.repeat(3_000),
  ])('refuses %j', (filter) => {
    expect(() => parseFilter(filter)).toThrow('The filter cannot be read');
  });

  it('never fails in another way, whatever comes', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '(',
        ')',
        '[',
        ']',
        ' and ',
        ' or ',
        'not ',
        'id',
        ' eq ',
        '"x"',
        ' pr',
        '.',
        '"',
        '\\',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          parseFilter(pieces.join(''));
        } catch (error) {
          expect(isKeyturnError(error)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what a filter finds', () => {
  let api: TestApi;
  let okta: Provider;
  let people: readonly Person[];

  beforeAll(async () => {
    api = await startApi({}, (issuer) => writeScim('filter', issuer));
    okta = provider(api);
    await okta.addUser('Ann', { displayName: 'ann%' });
    await okta.addUser('bob', { displayName: 'Bob_Example', active: false });
    await okta.addUser('back\\slash');
    await okta.addUser('quo"te', { displayName: "it's é" });
    await okta.addUser('none', { externalId: null, active: false });
    const { body } = await okta.call<List>('Users');
    const names: Record<string, string> = {
      'Ann@example.com': 'ann%',
      'bob@example.com': 'Bob_Example',
      'quo"te@example.com': "it's é",
    };
    people = body.Resources.map((one) => ({
      id: one.id,
      userName: String(one['userName']),
      externalId: (one['externalId'] as string | undefined) ?? null,
      displayName: names[String(one['userName'])] ?? null,
      active: one['active'] === true,
    }));
  });
  afterAll(async () => {
    await api.stop();
  });

  it('is what it means, also with the wildcards and quotes of a database', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter, async (filter) => {
        fc.pre(size(filter) < 20 && written(filter).length < 1_500);
        const found = await okta.find('Users', written(filter));
        const meant = people.filter((person) => isMeant(person, filter)).map((person) => person.id);
        expect(found.Resources.map((one) => one.id).sort(), written(filter)).toEqual(meant.sort());
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    'emails pr',
    'password sw "a"',
    'constructor pr',
    '__proto__ pr',
    'userName eq 5',
    'active co "t"',
    'active eq "maybe"',
    'externalId gt null',
    'userName[value eq "x"]',
    'members pr',
    'displayName sw null',
  ])('is refused as invalidFilter: %s', async (filter) => {
    const reply = await okta.call(`Users?filter=${encodeURIComponent(filter)}`);
    expect(reply).toMatchObject({ status: 400, body: { status: '400', scimType: 'invalidFilter' } });
  });
});
