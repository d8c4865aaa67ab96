import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { inboxLines } from '../../apps/cli/commands/inbox.ts';
import { reportLines } from '../../apps/cli/commands/verify.ts';

import { requestLines } from '../../apps/cli/text/request.ts';
import { reviewedLines } from '../../apps/cli/text/review.ts';
import { itemLines } from '../../apps/cli/text/timeline.ts';
import { requestView } from '../sdk/view.ts';
import type { RequestView } from '../../contract/requests.ts';
import { onScreen } from './terminal.ts';

const NOW = Date.parse('2026-01-05T10:08:00.000Z');

/** The most that a terminal may make of it: two cells for whatever is not ASCII. */
function widthOf(line: string): number {
  return Array.from(line).length + (line.match(/[^\0-\x7F]/gu)?.length ?? 0);
}

const foreign = fc.string({ unit: 'binary', maxLength: 120 });

/** A request with foreign text in all places that others write. */
const views = fc
  .record({ text: foreign, name: foreign, statement: foreign })
  .map(({ text, name, statement }) => {
    const view = requestView();
    const { plan } = view;
    const [effect] = plan?.effects ?? [];
    if (!plan || !effect) throw new Error('the view has no effect');
    const rows = [{ key: text, before: { [name]: text }, after: { [name]: statement } }];
    const change: Partial<RequestView> = {
      target: name,
      risk_reasons: [text],
      matched_rules: [{ id: 'prod-sql', because: text }],
      lineage: [{ role: 'requester', issuer: text, subject: name, name, kind: 'person' }],
      freezes: [{ id: 'f', title: name, until: '2026-01-06T00:00:00.000Z' }],
      plan: { ...plan, summary: text, operation: statement, effects: [{ ...effect, resource: name, rows }] },
      claims: { justification: text },
    };
    return requestView(change);
  });

function screensOf(view: RequestView): string[][] {
  const actor = { kind: 'person' as const, name: view.target, id: 'eve' };
  const text = view.plan?.summary ?? '';
  const item = { n: 0, at: view.created_at, type: 'x', actor, text, facts: {}, parts: { text } };
  const checks = [{ name: 'check', ok: true, outcome: 'ok' as const, detail: text }];
  return [
    requestLines(view, NOW),
    reviewedLines(view, NOW),
    inboxLines({ items: [view, view], next_cursor: null }, NOW),
    [item, item].flatMap(itemLines),
    reportLines({ request: view.id, ok: true, outcome: 'ok', checks }, undefined),
  ];
}

describe('every screen', () => {
  it('is as wide as its window at most, and obeys nothing that others wrote', () => {
    fc.assert(
      fc.property(views, fc.integer({ min: 40, max: 140 }), (view, columns) => {
        for (const lines of screensOf(view)) {
          const shown = onScreen(lines, columns);
          for (const line of shown) expect(widthOf(line)).toBeLessThanOrEqual(columns);
          expect(shown.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('breaks nothing where a program reads it', () => {
    fc.assert(
      fc.property(views, (view) => {
        for (const lines of screensOf(view)) expect(onScreen(lines, null)).toHaveLength(lines.length);
      }),
      { numRuns: 30 },
    );
  });
});

function facts(view: RequestView): string {
  return onScreen(requestLines(view, NOW)).join('\n');
}

describe('what a request says of itself', () => {
  it('names the rules that denied it and why, or says who sees them', () => {
    const denied = requestView({ status: 'denied', denied_by: 'policy' });
    expect(facts(denied)).toMatch(/rule +prod-sql: production data/);
    expect(facts({ ...denied, matched_rules: null })).toMatch(/rule +not shown to you/);
    expect(facts({ ...denied, matched_rules: [] })).toMatch(/rule +no rule allows this action/);
  });

  it('names the freeze that holds it, and until when', () => {
    const freezes = [{ id: 'year-end', title: 'Year end', until: '2026-01-06T00:00:00.000Z' }];
    expect(facts(requestView({ freezes }))).toMatch(
      /freeze +"Year end" \(year-end\) is in force until 2026-01-06 00:00:00Z \(in 13h 52m\)/,
    );
    const held = requestView({ status: 'approved', held_until: '2026-01-06T00:00:00.000Z', freezes });
    expect(facts(held)).toMatch(/held +starts no earlier than 2026-01-06 00:00:00Z/);
    const start = { not_before: null, not_after: held.held_until };
    expect(facts({ ...held, start })).toMatch(
      /held +its start window ends at 2026-01-06 .*then it is denied/,
    );
  });

  it.each(['succeeded', 'denied', 'failed', 'expired', 'cancelled', 'approved'] as const)(
    'expires no more once it is %s',
    (status) => {
      expect(facts(requestView({ status }))).not.toMatch(/^ {2}expires/m);
    },
  );

  it('says when it expires because its start window ends, and that it did', () => {
    const { expires_at } = requestView();
    const start = { not_before: null, not_after: expires_at };
    expect(facts(requestView({ start }))).toMatch(/^ {2}expires .*\(in 52m\), when its start window ends$/m);
    expect(facts(requestView({ start, status: 'expired' }))).toMatch(
      /^ {2}cause +its start window ended before it was approved and started$/m,
    );
    expect(facts(requestView({ status: 'expired' }))).not.toMatch(/start window/);
  });

  it.each([
    [1, [1], '(1 person)'],
    [1, [2], '(2 different people)'],
    [1, [1, 1], '(at least 1 person; one person can count for several of these lines)'],
    [2, [1, 1], '(2 different people)'],
  ])('counts people over seats: %i over %j', (distinct, quorums, words) => {
    const { requirement } = requestView();
    const [rule] = requirement?.rules ?? [];
    if (!requirement || !rule) throw new Error('the view has no rule');
    const stages = quorums.map((quorum) => ({ any: ['group:dba'], quorum, escalate: [] }));
    const required = { ...requirement, distinct_people: distinct, rules: [{ ...rule, stages }] };
    expect(facts(requestView({ requirement: required }))).toContain(`Who must approve ${words}`);
  });
});

describe('a review of a break-glass request', () => {
  it('says what was done, by whom, by which rule, and what is to be reviewed', () => {
    const reviewed = requestView({
      status: 'succeeded',
      is_break_glass: true,
      result: {
        rows: [{ resource: 'public.customer', inserted: 0, updated: 1, deleted: 0 }],
        transaction_id: '7',
      },
    });
    const view = requestView({ action: 'keyturn.review', arguments: { request: reviewed.id } });
    const lines = onScreen(requestLines(view, NOW, { isWhole: false, id: view.id, reviewed }));
    const text = lines.join('\n');
    expect(text).toContain('Was it right to use break-glass');
    expect(text).toMatch(/action +postgres.execute on shop \(production\)/);
    expect(text).toMatch(/requested by +"agent"/);
    expect(text).toMatch(/rule +prod-sql: production data/);
    expect(text).toMatch(/result +public.customer 1 updated \(transaction 7\)/);
    expect(text).not.toContain('What was requested');
  });
});
