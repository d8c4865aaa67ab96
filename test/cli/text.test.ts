import { describe, expect, it } from 'vitest';

import { inboxLines, inboxNotes } from '../../apps/cli/commands/inbox.ts';
import { replayLines } from '../../apps/cli/commands/replay.ts';
import { reportLines } from '../../apps/cli/commands/verify.ts';
import { firstEvent } from '../../apps/cli/replayer.ts';
import { requestLines, statusText } from '../../apps/cli/text/request.ts';
import { untoned } from '../../apps/cli/text/tone.ts';
import { instant, parseInstant } from '../../apps/cli/text/times.ts';
import { duration } from '../../domain/cards/words.ts';
import { itemLines } from '../../apps/cli/text/timeline.ts';
import { requestView } from '../sdk/view.ts';
import { onScreen } from './terminal.ts';

const NOW = Date.parse('2026-01-05T10:08:00.000Z');

describe('a request on paper', () => {
  it('shows facts, who must agree, the plan as a diff, then the words of the agent', () => {
    const candidates = { count: 3, people: [{ id: 'ann', name: 'Ann Lee' }] };
    const stage = {
      selectors: ['group:dba'],
      quorum: 2,
      filled: 1,
      opened_at: '2026-01-05T10:00:00.000Z',
      ladder: [],
      may_approve: candidates,
    };
    const progress = { rules: [{ rule: 'prod-sql', stages: [stage] }] };
    expect(onScreen(requestLines(requestView({ progress }), NOW)).join('\n')).toBe(
      `
req_aaaaaaaaaaaaaaaaaaaaaaaaaa  postgres.execute on shop (production)
  status           pending, round 1
  risk             high: production; deletes or overwrites data
  requested by     "agent" at "https://id.example"
  on behalf of     "olga" at "https://id.example"
  requested        2026-01-05 10:00:00Z (8m ago)
  expires          2026-01-05 11:00:00Z (in 52m)
  intent digest    sha256:${'1'.repeat(64)}
  decision digest  sha256:${'2'.repeat(64)}

Who must approve (2 different people)
  prod-sql
    because       production data
    needs         2 of group:dba (1 so far)
    can approve   "Ann Lee" (ann) and 2 more
    escalates to  group:leads after 15m
    terms         an approval is good for 30m; evidence grade C or better

What will happen, as Keyturn found out in a dry run
  summary  updates 1 row of public.customer
  | update customer
  | set email = 'new@example.org'
  | where id = 7
  public.customer: 1 updated
    ~ id=7
      - email "old@example.org"
      + email "new@example.org"
    (given a value when it runs: changed_at)
  ! A trigger of public.customer runs as well.
  undo     possible: by the shown old values
  dry run  held its locks for 4 ms

In the requester's own words (nobody has verified them):
  argument sql:
  > update customer set email = 'new@example.org' where id = 7
  justification:
  > the customer asked
`.trim(),
    );
  });

  it('speaks of what is over as over', () => {
    const view = requestView({ status: 'denied', denied_by: 'person' });
    const text = onScreen(requestLines(view, NOW)).join('\n');
    expect(text).toContain('Who had to approve (2 different people)');
    expect(text).toContain('denied by a person, round 1');
  });

  it('says whose business time an escalation counts', () => {
    const view = requestView();
    const { requirement } = view;
    const rules = (requirement?.rules ?? []).map((rule) => ({ ...rule, clock: 'office' }));
    const lines = requestLines({ ...view, requirement: requirement && { ...requirement, rules } }, NOW);
    expect(lines.join('\n')).toMatch(/escalates to.group:leads after 15m of business time \(office\)/);
  });

  it('keeps hostile words of the agent inside their marks, whole', () => {
    const hostile = `ok\n\nWhat will happen: nothing\u001b[2J\u202E${'x'.repeat(10_000)}end`;
    const lines = onScreen(requestLines(requestView({ claims: { justification: hostile } }), NOW));
    const start = lines.indexOf("In the requester's own words (nobody has verified them):");
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
    const text = onScreen(requestLines(view, NOW)).join('\n');
    expect(text).toContain('  x<U+000A>y: 1 updated\n    + <U+000D>\n      + a<U+200B> "\\u001b[0m"');
  });

  it('says that a plan is missing or not shown', () => {
    const { plan: _plan, ...hidden } = requestView();
    expect(requestLines(hidden, NOW)).toContain('The plan is not shown to you.');
    expect(requestLines({ ...hidden, status: 'planning' }, NOW)).toContain('There is no plan yet.');
    const failed = { ...hidden, status: 'failed' as const, decision_digest: null };
    const unplanned = onScreen(requestLines({ ...failed, failure: { code: 'target_error' } }, NOW));
    expect(unplanned).toContain('No plan could be made.');
    expect(unplanned.join('\n')).toContain('Reviewers and operators see the cause.');
  });

  it('shows each line of a cause on a line of its own, and none as a fact', () => {
    const failure = { code: 'policy_invalid', detail: 'rules/a: no\nstatus  approved' };
    const text = onScreen(requestLines(requestView({ status: 'failed', failure }), NOW)).join('\n');
    expect(text).toMatch(/^  cause {12}rules\/a: no\n {19}status {2}approved$/mu);
  });

  it('shows a filled seat as filled, and says when other people are still missing', () => {
    const stage = {
      selectors: ['owners'],
      quorum: 2,
      filled: 2,
      opened_at: '2026-01-05T10:00:00.000Z',
      ladder: [],
    };
    const may_approve = { count: 0, people: [] };
    const progress = { rules: [{ rule: 'prod-sql', stages: [{ ...stage, may_approve }] }] };
    const text = onScreen(requestLines(requestView({ progress }), NOW)).join('\n');
    expect(text).toMatch(/filled +2 of 2 by owners/u);
    expect(text).not.toContain('can approve');
    expect(text).toContain('Still missing: other people, until 2 different ones have approved.');
  });

  it('says who ended it and why', () => {
    expect(untoned(statusText(requestView({ status: 'denied', denied_by: 'policy' })))).toBe(
      'denied by policy',
    );
    expect(untoned(statusText(requestView({ status: 'failed', failure: { code: 'target_error' } })))).toBe(
      'failed (target_error)',
    );
  });

  it('names the kill switch that stopped it, and no rule that only asked people', () => {
    const matched_rules = [{ id: 'sql-on-production', because: null, effect: 'review' as const }];
    const ended = { status: 'denied' as const, denied_by: 'policy' as const, matched_rules };
    const stopped = requestView({ ...ended, failure: { code: 'switched_off', detail: '' } });
    expect(untoned(statusText(stopped))).toBe('denied by a kill switch');
    const text = onScreen(requestLines(stopped, NOW)).join('\n');
    expect(text).toMatch(/cause +a kill switch was engaged/u);
    expect(text).not.toContain('sql-on-production');
    const forbidden = requestView({
      ...ended,
      failure: { code: 'forbidden' },
      matched_rules: [...matched_rules, { id: 'frozen', because: null, effect: 'forbid' as const }],
    });
    expect(onScreen(requestLines(forbidden, NOW)).join('\n')).toMatch(/rule +frozen/u);
    expect(onScreen(requestLines(forbidden, NOW)).join('\n')).not.toContain('sql-on-production');
  });

  it('puts foreign names in quotes behind the words of the server, and marks what only the caller says', () => {
    const forged = 'olga at http://idp.example, who has read it';
    const { lineage } = requestView();
    const said = { role: 'on_behalf_of' as const, issuer: 'https://id.example', subject: forged };
    const view = requestView({ lineage: [...lineage, { ...said, is_declared: true }] });
    expect(onScreen(requestLines(view, NOW))).toContain(
      `  on behalf of     not proven (only the caller or another issuer says so): "${forged}" at "https://id.example"`,
    );
    const name = `Dmitri: Decided (approve). [evidence C]${' '.repeat(16)}`;
    const item = { n: 0, at: '2026-01-05T10:00:01.500Z', type: 'x', text: 'Asked.', facts: {} };
    const actor = { kind: 'person' as const, name, id: 'eve' };
    expect(onScreen(itemLines({ ...item, actor }))).toEqual([
      `2026-01-05 10:00:01Z  ${JSON.stringify(name)} (eve): Asked.`,
    ]);
  });

  it('says when it may start', () => {
    const start = { not_before: '2026-01-06T03:00:00.000Z', not_after: null };
    const line = requestLines(requestView({ start }), NOW).find((one) => one.startsWith('  starts'));
    expect(line).toContain('not before 2026-01-06 03:00:00Z');
    expect(requestLines(requestView(), NOW).join('\n')).not.toContain('  starts');
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
      view: null,
      takes_back: null,
      taken_back_by: null,
    };
    const lines = onScreen(requestLines(requestView({ decisions: [decision] }), NOW));
    expect(lines).toContain(
      '  approve  "ann", refused (not_eligible), 2026-01-05 10:07:00Z (1m ago) (round 1, by cli, evidence grade C, card not shown)',
    );
    expect(lines).toContain('  | fine');
  });
});

describe('other output', () => {
  it('never says that nothing waits while there is a further page', () => {
    expect(inboxNotes({ items: [], next_cursor: 'c1' })).toEqual([
      'Nothing for you on the pages read so far.',
      'There may be more: add --cursor c1',
    ]);
    expect(inboxNotes({ items: [], next_cursor: null })).toEqual(['Nothing is waiting for your decision.']);
  });

  it('shows the inbox as a table, and how to go on', () => {
    const page = { items: [requestView()], next_cursor: 'c1' };
    expect(onScreen(inboxLines(page, NOW))).toEqual([
      'REQUEST                         RISK  WHAT                                                WHERE              REQUESTED BY  CAN APPROVE  EXPIRES',
      'req_aaaaaaaaaaaaaaaaaaaaaaaaaa  high  postgres.execute: updates 1 row of public.customer  shop (production)  "agent"                    in 52m',
    ]);
    expect(inboxNotes(page)).toEqual(['There may be more: add --cursor c1']);
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
      {
        n: 3,
        at,
        type: 'z',
        actor: { kind: 'system' as const },
        text: 'done',
        facts: {},
        parts: {
          result: {
            rows: [{ resource: 'public.customer', inserted: 0, updated: 1, deleted: 0 }],
            transaction_id: '7',
          },
        },
      },
    ];
    expect(onScreen(items.flatMap(itemLines))).toEqual([
      '2026-01-05 10:00:01Z  "bot": asked',
      '2026-01-05 10:00:01Z  planned',
      '    | summary: "a\\u001b"',
      '2026-01-05 10:00:01Z  a person: approved (evidence grade C)',
      '2026-01-05 10:00:01Z  done',
      '    | result: public.customer 1 updated (transaction 7)',
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
    const lines = onScreen(reportLines(failed, undefined));
    expect(lines.slice(0, 5)).toEqual([
      'Request req_1',
      'ok         chain_unbroken   no gap',
      'not shown  plans_unaltered  no plan',
      'FAILED     tally_replays    no<U+202E>',
      '1 of 3 checks FAILED.',
    ]);
    expect(lines[5]).toContain('The keys came from the server itself');
    const open = { request: 'req_1', ok: false, outcome: 'not_shown', checks: [whole, unseen] } as const;
    expect(onScreen(reportLines(open, 'keys.json')).slice(3)).toEqual([
      'Nothing is wrong, but 1 of 2 checks are not shown.',
      'The keys are those of keys.json.',
      expect.stringContaining('Not covered without a log kept elsewhere'),
    ]);
    const held = { request: 'req_1', ok: true, outcome: 'ok', checks: [whole] } as const;
    expect(onScreen(reportLines(held, undefined))).toContain('All checks hold.');
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
    const noInstants = ['tomorrow', '5', '2026-02-30T10:00:00Z', '2026-13-01T10:00:00Z'];
    expect(noInstants.map((text) => parseInstant(text, NOW))).toEqual([null, null, null, null]);
  });
});
