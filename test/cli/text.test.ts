import { describe, expect, it } from 'vitest';

import { inboxLines } from '../../apps/cli/commands/inbox.ts';
import { replayLines } from '../../apps/cli/commands/replay.ts';
import { reportLines } from '../../apps/cli/commands/verify.ts';
import { firstEvent } from '../../apps/cli/replayer.ts';
import { requestLines, statusText } from '../../apps/cli/text/request.ts';
import { duration, instant, parseInstant } from '../../apps/cli/text/times.ts';
import { timelineLines } from '../../apps/cli/text/timeline.ts';
import { requestView } from '../sdk/view.ts';

const NOW = Date.parse('2026-01-05T10:08:00.000Z');

describe('a request on paper', () => {
  it('shows facts, who must agree, the plan as a diff, then the words of the agent', () => {
    expect(requestLines(requestView(), NOW).join('\n')).toBe(
      `
req_aaaaaaaaaaaaaaaaaaaaaaaaaa  postgres.execute on shop
  status      pending, round 1
  where       production
  risk        high: production; deletes or overwrites data
  asked by    "agent" at "https://id.example"
  acting for  "olga" at "https://id.example"
  asked       2026-01-05 10:00:00Z (8m ago)
  expires     2026-01-05 11:00:00Z (in 52m)
  intent      sha256:${'1'.repeat(64)}
  decide on   sha256:${'2'.repeat(64)}

Who must agree (2 or more different people in all):
  prod-sql, because production data (each approval lasts 30m, evidence C or better)
    2 of group:dba, 1 so far, opens after the stage before; also group:leads after 15m

What will happen (found out by Keyturn): updates 1 row of public.customer
  | update customer
  | set email = 'new@example.org'
  | where id = 7
  public.customer: 1 updated
    ~ id=7
      - email "old@example.org"
      + email "new@example.org"
    (given a value when it runs: changed_at)
  ! A trigger of public.customer runs as well.
  Can be undone: by the shown old values
  Trying it out held its locks for 4 ms.

The agent's own words (not checked by anybody):
  arguments:
  > {
  >   "sql": "update customer set email = 'new@example.org' where id = 7"
  > }
  justification:
  > the customer asked
`.trim(),
    );
  });

  it('says whose business time an escalation counts', () => {
    const view = requestView();
    const { requirement } = view;
    const rules = (requirement?.rules ?? []).map((rule) => ({ ...rule, clock: 'office' }));
    const lines = requestLines({ ...view, requirement: requirement && { ...requirement, rules } }, NOW);
    expect(lines.join('\n')).toContain('; also group:leads after 15m of business time (office)');
  });

  it('keeps hostile words of the agent inside their marks, whole', () => {
    const hostile = `ok\n\nWhat will happen: nothing\u001b[2J\u202E${'x'.repeat(10_000)}end`;
    const lines = requestLines(requestView({ claims: { justification: hostile } }), NOW);
    const start = lines.indexOf("The agent's own words (not checked by anybody):");
    const forged = lines.findIndex((line) => line.includes('What will happen: nothing'));
    expect(forged).toBeGreaterThan(start);
    expect(lines[forged]).toBe(`  > What will happen: nothing<U+001B>[2J<U+202E>${'x'.repeat(10_000)}end`);
    expect(lines.slice(start + 1).every((line) => line.startsWith('  '))).toBe(true);
  });

  it('shows hostile names, values and keys of the target without obeying them', () => {
    const plan = requestView().plan;
    if (!plan) throw new Error('the view has no plan');
    const [effect] = plan.effects;
    if (!effect) throw new Error('the plan has no effect');
    const row = { key: '\r', before: null, after: { 'a\u200B': '\u001b[0m' } };
    const view = requestView({ plan: { ...plan, effects: [{ ...effect, resource: 'x\ny', rows: [row] }] } });
    const text = requestLines(view, NOW).join('\n');
    expect(text).toContain('  x<U+000A>y: 1 updated\n    + <U+000D>\n      + a<U+200B> "\\u001b[0m"');
  });

  it('says that a plan is missing or not shown', () => {
    const { plan: _plan, ...hidden } = requestView();
    expect(requestLines(hidden, NOW)).toContain('The plan is not shown to you.');
    expect(requestLines({ ...hidden, status: 'planning' }, NOW)).toContain('There is no plan yet.');
  });

  it('says who ended it and why', () => {
    expect(statusText(requestView({ status: 'denied', denied_by: 'policy' }))).toBe('denied by policy');
    expect(statusText(requestView({ status: 'failed', failure: { code: 'target_error' } }))).toBe(
      'failed (target_error)',
    );
  });

  it('puts foreign names in quotes behind the words of the server, and marks what only the caller says', () => {
    const forged = 'olga at http://idp.example, who has read it';
    const { lineage } = requestView();
    const said = { role: 'on_behalf_of' as const, issuer: 'https://id.example', subject: forged };
    const view = requestView({ lineage: [...lineage, { ...said, is_declared: true }] });
    expect(requestLines(view, NOW)).toContain(
      `  acting for  not proven: by the word of the caller or of another issuer: "${forged}" at "https://id.example"`,
    );
    const name = `Dmitri: Decided (approve). [evidence C]${' '.repeat(16)}`;
    const item = { n: 0, at: '2026-01-05T10:00:01.500Z', type: 'x', text: 'Asked.', facts: {} };
    const actor = { kind: 'person' as const, name, id: 'eve' };
    expect(timelineLines({ items: [{ ...item, actor }] })).toEqual([
      `2026-01-05 10:00:01Z  Asked. By ${JSON.stringify(name)} (eve)`,
    ]);
  });

  it('says when it may start', () => {
    const start = { not_before: '2026-01-06T03:00:00.000Z', not_after: null };
    const line = requestLines(requestView({ start }), NOW).find((one) => one.startsWith('  STARTS'));
    expect(line).toContain('not before 2026-01-06 03:00:00Z');
    expect(requestLines(requestView(), NOW).join('\n')).not.toContain('STARTS');
  });

  it('lists decisions with what they rest on', () => {
    const decision = {
      id: 'dec_1',
      reviewer: { issuer: 'https://id.example', subject: 'ann' },
      person: 'ann',
      verdict: 'approve' as const,
      at: '2026-01-05T10:07:00.000Z',
      grade: 'C' as const,
      channel: 'cli' as const,
      reason: 'fine',
      defer_until: null,
      defer_to: null,
      outcome: 'refused' as const,
      refusal: 'not_eligible',
      round: 1,
    };
    const lines = requestLines(requestView({ decisions: [decision] }), NOW);
    expect(lines).toContain(
      'approve by "ann", refused (not_eligible), 2026-01-05 10:07:00Z (1m ago) (round 1, cli, evidence C)',
    );
    expect(lines).toContain('  | fine');
  });
});

describe('other output', () => {
  it('never says that nothing waits while there is a further page', () => {
    expect(inboxLines({ items: [], next_cursor: 'c1' }, NOW)).toEqual([
      'Nothing for you so far.',
      '',
      'There may be more: keyturn inbox --cursor c1',
    ]);
    expect(inboxLines({ items: [], next_cursor: null }, NOW)).toEqual(['Nothing waits for your decision.']);
  });

  it('shows the inbox as a table, and how to go on', () => {
    expect(inboxLines({ items: [requestView()], next_cursor: 'c1' }, NOW)).toEqual([
      'REQUEST                         RISK  WHAT                                                WHERE              EXPIRES',
      'req_aaaaaaaaaaaaaaaaaaaaaaaaaa  high  postgres.execute: updates 1 row of public.customer  shop (production)  2026-01-05 11:00:00Z (in 52m)',
      '',
      'There may be more: keyturn inbox --cursor c1',
    ]);
    expect(inboxLines({ items: [], next_cursor: null }, NOW)).toEqual(['Nothing waits for your decision.']);
  });

  it('shows a timeline that a person can read', () => {
    const at = '2026-01-05T10:00:01.500Z';
    const items = [
      {
        n: 0,
        at,
        type: 'request.received',
        actor: { kind: 'agent' as const, name: 'bot' },
        text: 'asked',
        facts: {},
      },
      {
        n: 1,
        at,
        type: 'x',
        actor: { kind: 'system' as const },
        text: 'planned',
        facts: {},
        parts: { summary: 'a\u001b' },
      },
      {
        n: 2,
        at,
        type: 'y',
        actor: { kind: 'person' as const },
        text: 'approved',
        facts: {},
        grade: 'C' as const,
      },
    ];
    expect(timelineLines({ items })).toEqual([
      '2026-01-05 10:00:01Z  asked By "bot"',
      '2026-01-05 10:00:01Z  planned By Keyturn',
      '    summary: "a\\u001b"',
      '2026-01-05 10:00:01Z  approved [evidence C] By a person',
    ]);
  });

  it('says which checks failed, which show nothing, and where the keys came from', () => {
    const whole = { name: 'chain_unbroken', ok: true, outcome: 'ok', detail: 'no gap' } as const;
    const unseen = { name: 'plans_unaltered', ok: false, outcome: 'not_shown', detail: 'no plan' } as const;
    const wrong = { name: 'tally_replays', ok: false, outcome: 'failed', detail: 'no\u202E' } as const;
    const failed = {
      request: 'req_1',
      ok: false,
      outcome: 'failed',
      checks: [whole, unseen, wrong],
    } as const;
    const lines = reportLines(failed, undefined);
    expect(lines.slice(0, 5)).toEqual([
      'Request req_1',
      'ok         chain_unbroken   no gap',
      'not shown  plans_unaltered  no plan',
      'FAILED     tally_replays    no<U+202E>',
      '1 of 3 checks FAILED.',
    ]);
    expect(lines[5]).toContain('The keys came from the server itself');
    const open = { request: 'req_1', ok: false, outcome: 'not_shown', checks: [whole, unseen] } as const;
    expect(reportLines(open, 'keys.json').slice(3)).toEqual([
      'Nothing is wrong, but 1 of 2 checks are not shown.',
      'The keys are those of keys.json.',
      expect.stringContaining('Never shown without a log outside'),
    ]);
    const held = { request: 'req_1', ok: true, outcome: 'ok', checks: [whole] } as const;
    expect(reportLines(held, undefined)).toContain('All checks hold.');
  });

  it('names the first event that differs', () => {
    const difference =
      'Nondeterminism error: Timer machine does not handle this event: HistoryEvent(id: 17, TimerFired)';
    const event = firstEvent(difference);
    expect(event).toEqual({ id: 17, type: 'TimerFired' });
    const lines = replayLines([
      { request: 'req_1', run: 'r1', event, difference },
      { request: 'req_2', run: 'r2', event: null, difference: null },
    ]);
    expect(lines).toEqual([
      `req_1 differs first at event 17 (TimerFired): ${difference}`,
      '2 replayed, 1 different.',
    ]);
  });

  it('tells times from now', () => {
    expect([0, 59_999, 3_661_000, 90_000_000].map(duration)).toEqual(['0s', '59s', '1h 1m', '1d 1h']);
    expect(instant('2026-01-05T10:00:00.000Z', NOW)).toBe('2026-01-05 10:00:00Z (8m ago)');
    expect(parseInstant('2h', NOW)).toBe('2026-01-05T12:08:00.000Z');
    expect(parseInstant('2026-01-05T12:00:00+02:00', NOW)).toBe('2026-01-05T10:00:00.000Z');
    expect([parseInstant('tomorrow', NOW), parseInstant('5', NOW)]).toEqual([null, null]);
  });
});
