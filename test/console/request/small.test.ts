import { describe, expect, it } from 'vitest';

import { diffHunks } from '../../../apps/console/request/diff-hunks.ts';
import { endingOf } from '../../../apps/console/request/ending.ts';
import { lineageGraph, REVIEW_ACTION, roleWords } from '../../../apps/console/request/lineage-graph.ts';
import { resultText } from '../../../apps/console/request/result.ts';
import { hasBeenSeen } from '../../../apps/console/request/seen.ts';
import { headingsOf } from '../../../apps/console/request/tense.ts';
import type { LineageMember } from '../../../apps/console/request/view.ts';
import { grouped, listed } from '../../../apps/console/shown/words.ts';
import { duration } from '../../../domain/cards/words.ts';
import { REVIEW } from '../../../domain/policy/policy.ts';

const member = (role: LineageMember['role'], subject: string): LineageMember => ({
  role,
  issuer: 'https://idp.example',
  subject,
});

describe('a changed file', () => {
  it('keeps every line, with its numbers on both sides', () => {
    const [first, second] = diffHunks('@@ -22 +22 @@\n same\n-old\n+new\n+newer\n@@ -40 +41 @@\n \n');
    expect(first).toMatchObject({ oldStart: 22, newStart: 22, oldLines: 2, newLines: 3 });
    expect(first?.changes).toEqual([
      { type: 'normal', content: 'same', oldLineNumber: 22, newLineNumber: 22, isNormal: true },
      { type: 'delete', content: 'old', lineNumber: 23, isDelete: true },
      { type: 'insert', content: 'new', lineNumber: 23, isInsert: true },
      { type: 'insert', content: 'newer', lineNumber: 24, isInsert: true },
    ]);
    expect(second).toMatchObject({ oldStart: 40, newStart: 41 });
  });

  it('leaves out no line that is none of a diff', () => {
    const [hunk] = diffHunks('no header\n\\ No newline');
    expect(hunk?.changes.map(({ content }) => content)).toEqual(['no header', '\\ No newline']);
  });
});

describe('the drawing of a lineage', () => {
  it('has everybody, and nobody on somebody else', () => {
    const lineage = [
      member('requester', 'agent'),
      member('owner', 'ada'),
      member('on_behalf_of', 'mei'),
      member('trigger', 'ci'),
    ];
    const { nodes, edges, height } = lineageGraph(lineage);
    expect(nodes.map((node) => node.member.subject).sort()).toEqual(['ada', 'agent', 'ci', 'mei']);
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(4);
    expect(edges).toHaveLength(3);
    for (const { y } of nodes) expect(y).toBeLessThan(height);
  });

  it('names the approvers of what is reviewed', () => {
    expect(REVIEW_ACTION).toBe(REVIEW.action);
    expect(roleWords('editor', REVIEW_ACTION)).toBe('approved it');
    expect(roleWords('editor', 'postgres.execute')).toBe('edited it');
  });
});

describe('words', () => {
  it('say a result where its form is known, and all of it where it is not', () => {
    const rows = [{ resource: 'public.account', inserted: 0, updated: 1_200, deleted: 0 }];
    expect(resultText({ rows, transaction_id: '77' })).toBe('public.account: 1,200 updated (transaction 77)');
    expect(
      resultText({ decision: 'approved', valid_until: '2026-12-01T04:00:00Z', performed_by_keyturn: false }),
    ).toContain('the requester performs it');
    expect(resultText({ other: 1 })).toBe('{"other":1}');
    expect(resultText('text')).toBe('"text"');
    expect(resultText(null)).toBeNull();
  });

  it('say why something ended, and not more than the reader may know', () => {
    const over = {
      status: 'denied' as const,
      failure: null,
      denied_by: null,
      matched_rules: [],
      result: null,
    };
    expect(endingOf({ ...over, denied_by: 'person' })).toBeNull();
    expect(endingOf({ ...over, denied_by: 'policy' })?.text).toContain('No rule allows');
    expect(endingOf({ ...over, denied_by: 'policy', matched_rules: null })?.text).toContain(
      'not shown to you',
    );
    const stopped = { code: 'switched_off', detail: 'A kill switch is engaged.' };
    expect(endingOf({ ...over, denied_by: 'policy', failure: stopped })?.text).toContain(
      'No rule of policy did',
    );
    const refused = { ...over, status: 'failed' as const, failure: { code: 'target_error' } };
    expect(endingOf(refused)?.text).toContain('not shown to you');
    expect(endingOf({ ...over, status: 'indeterminate' })?.title).toContain('not known');
  });

  it('never call ahead what is over', () => {
    expect(headingsOf({ status: 'pending' }).effects).toBe('What will happen');
    expect(headingsOf({ status: 'denied' }).effects).toBe('What would have happened');
    expect(headingsOf({ status: 'succeeded' }).effects).toBe('What was done');
  });

  it('count as people read', () => {
    expect(grouped(1_234_567)).toBe('1,234,567');
    expect(grouped(999)).toBe('999');
    expect(duration(7_500_000)).toBe('2h 5m');
    expect(duration(999)).toBe('0s');
    expect(listed(['a', 'b', 'c'], 'or')).toBe('a, b or c');
  });
});

describe('a part of the page', () => {
  it('counts as seen once half of it, or enough to read, is on the screen', () => {
    const part = (on: number, all: number, isIntersecting = true) => ({
      isIntersecting,
      intersectionRect: { height: on },
      boundingClientRect: { height: all },
    });
    expect(hasBeenSeen(part(50, 100))).toBe(true);
    expect(hasBeenSeen(part(49, 100))).toBe(false);
    expect(hasBeenSeen(part(160, 4_000))).toBe(true);
    expect(hasBeenSeen(part(0, 0))).toBe(false);
  });
});
