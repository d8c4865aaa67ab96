import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  CARD_SECTIONS,
  makeCard,
  viewDigest,
  type Card,
  type CardSource,
} from '../../../domain/cards/card.ts';
import { digestOf } from '../../../domain/crypto/digest.ts';
import { intentDigest } from '../../../domain/request/digests.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { ISSUER, requirement, reviewBy, stage, START } from '../examples.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;

/** Everything that a card may show, with a value of its own. */
const SOURCE: CardSource = {
  id: `req_${'a'.repeat(26)}`,
  action: 'postgres.execute',
  schema_version: 1,
  target: 'shop',
  environment: 'prod',
  mode: 'execute',
  is_break_glass: false,
  start: { not_before: START, not_after: null },
  intent_digest: DIGEST,
  decision_digest: DIGEST,
  expires_at: START,
  lineage: [
    { role: 'requester', issuer: ISSUER, subject: 'agent', name: 'Agent', kind: 'agent' },
    { role: 'owner', issuer: ISSUER, subject: 'ada', is_declared: true },
  ],
  risk: 'high',
  risk_reasons: ['production'],
  rules: [
    {
      id: 'prod-sql',
      effect: 'review',
      because: 'production data',
      source: 'rules/sql.yaml:12',
      on: { action: ['postgres.execute'], env: ['prod', 'stage'], target: ['shop'] },
      when: 'plan.rows > 10',
    },
  ],
  requirement: requirement(
    [
      reviewBy([stage(['group:dba', 'owners'], 2, { escalate: [{ after_ms: 1, to: 'group:leads' }] })], {
        reviewer_when: 'true',
        clock: 'office',
      }),
      reviewBy([stage(['user:olga'])], { minimum_grade: 'B' }),
    ],
    { channels: 'summary' },
  ),
  plan: {
    connector: 'postgres',
    summary: 'updates 3 rows',
    operation: 'update customer',
    effects: [
      {
        resource: 'public.customer',
        inserted: 0,
        updated: 3,
        deleted: 0,
        rows: [
          {
            key: '7',
            before: { email: 'a', note: null },
            after: { email: { bytes: 9, sha256: 'x' }, note: 'n' },
          },
        ],
        columns: ['email', 'note'],
        cause: 'statement',
        sample: { of: 3, first_key: '7', last_key: '9' },
        rows_before: 12,
        is_move: false,
        assigned_columns: ['at'],
        is_counts_only: false,
      },
    ],
    files: [{ file: 'rules/sql.yaml', diff: '+x' }],
    warnings: ['a trigger was not previewed'],
    risk_facts: {
      rows_changed: 3,
      resources_changed: 1,
      is_destructive: false,
      is_fully_previewed: false,
      is_reversible: true,
      is_loosening: false,
    },
    reversal: { is_possible: true, how: 'by its rows', steps: ['update customer'] },
    fingerprint: DIGEST,
    locks_held_ms: 1,
    sequence_values_used: 1,
    salt: 'ab',
    target_digest: DIGEST,
  },
  arguments: { statement: 'update customer', list: [1, { deep: true }] },
  claims: { justification: 'I was told', links: ['https://x.example'] },
};

/** What a dry run cost, what binds only the decision digest, and the tier a second time: in no card. */
const NOT_SHOWN = new Set([
  'requirement.risk',
  'plan.locks_held_ms',
  'plan.sequence_values_used',
  'plan.target_digest',
]);

type Path = readonly (string | number)[];

function leavesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

function withOther(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined)
    return typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${String(value)}x`;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object) };
  copy[key] = withOther(copy[key], rest);
  return copy;
}

function digestIn(source: CardSource): string {
  return viewDigest(makeCard(source));
}

describe('the digest of a card', () => {
  const shown = leavesOf(SOURCE).filter((path) => !NOT_SHOWN.has(path.join('.')));

  it.each(shown.map((path) => [path.join('.'), path] as const))(
    'is another one with another %s',
    (_name, path) => {
      expect(digestIn(withOther(SOURCE, path) as CardSource)).not.toBe(digestIn(SOURCE));
    },
  );

  it('is the same whenever it is made, and however the request stands', () => {
    const live = fc.record({
      status: fc.constantFrom('pending', 'approved', 'denied'),
      progress: fc.jsonValue(),
      held_until: fc.option(fc.date()),
      freezes: fc.jsonValue(),
      shortage: fc.jsonValue(),
      may_decide: fc.array(fc.string()),
      pending_since: fc.date(),
      updated_at: fc.date(),
      version: fc.nat(),
      round: fc.nat(),
      decisions: fc.jsonValue(),
      result: fc.jsonValue(),
    });
    fc.assert(fc.property(live, (parts) => digestIn({ ...SOURCE, ...parts }) === digestIn(SOURCE)));
  });

  it('is that of its form by RFC 8785, and of nothing else that has a digest', () => {
    const card = makeCard(SOURCE);
    expect(viewDigest(card)).toBe(digestOf(JSON.parse(JSON.stringify(card))));
    expect(card.kind).toBe('keyturn-card-1');
  });

  it('exists for every request whose intent has one', () => {
    const deep = (levels: number): JsonValue => (levels === 0 ? 1 : { a: deep(levels - 1) });
    const deepest = { a: deep(62) };
    const intent = { action: 'a', schema_version: 1, target: 't', mode: 'execute' as const };
    expect(intentDigest({ ...intent, arguments: deepest })).toMatch(/^sha256/);
    expect(() => intentDigest({ ...intent, arguments: { a: deep(63) } })).toThrow();
    expect(digestIn({ ...SOURCE, arguments: deepest })).toMatch(/^sha256/);
  });
});

describe('a card', () => {
  it('keeps every text as it was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const wellFormed = text.toWellFormed();
        const { plan } = SOURCE;
        const card = makeCard({
          ...SOURCE,
          plan: plan && { ...plan, operation: wellFormed, warnings: [wellFormed] },
          arguments: { statement: wellFormed },
          claims: { justification: wellFormed },
        });
        expect(textsOf(card)).toEqual([wellFormed, wellFormed, wellFormed, wellFormed]);
      }),
    );
  });

  it('has a part for each of its sections, and all of them are null for whom they are not', () => {
    const card: Record<string, unknown> = makeCard(SOURCE);
    for (const section of CARD_SECTIONS) expect(card[section], section).toBeTruthy();
    const { arguments: _arguments, claims: _claims, ...known } = SOURCE;
    const bare = { ...known, plan: null, risk: null, risk_reasons: null, rules: null, requirement: null };
    const {
      kind: _kind,
      request: _request,
      lineage: _lineage,
      decision_digest: _digest,
      ...rest
    } = makeCard(bare);
    expect(Object.values(rest)).toEqual(Object.keys(rest).map(() => null));
  });

  it('says how much of the effects it does not hold', () => {
    const { cut, effects } = makeCard(SOURCE);
    expect([cut, effects?.[0]?.changed, effects?.[0]?.cut]).toEqual([
      { rows: 2, values: 1 },
      3,
      { rows: 2, values: 1 },
    ]);
    const counted = SOURCE.plan?.effects.map(({ sample: _sample, ...effect }) => ({
      ...effect,
      rows: [],
      is_counts_only: true,
    }));
    const plan = SOURCE.plan && { ...SOURCE.plan, effects: counted ?? [] };
    expect(makeCard({ ...SOURCE, plan }).cut).toEqual({ rows: 3, values: 0 });
  });

  it('says in words who must agree and which rules acted', () => {
    const { requirement: required, rules } = makeCard(SOURCE);
    expect(required).toMatchObject({
      words: 'at least 2 different people; one person can count for several of these lines',
      minimum_grade: 'B',
      expires_at: START,
    });
    expect(required?.rules.flatMap(({ stages }) => stages.map(({ words }) => words))).toEqual([
      '2 different people of group:dba or owners',
      '1 person of user:olga',
    ]);
    expect(rules?.[0]).toMatchObject({
      words: 'Requires approval of postgres.execute on shop in prod or stage, when plan.rows > 10',
      source: 'rules/sql.yaml:12',
    });
  });
});

function textsOf({ plan, preview, arguments: given, claims }: Card): readonly unknown[] {
  return [plan?.operation, preview?.warnings[0], given?.['statement'], claims?.['justification']];
}
