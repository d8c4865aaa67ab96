import { describe, expect, it } from 'vitest';

import { requiredSelectors } from '../../../domain/approval/decision.ts';
import { isSelected, type DecidableRequest } from '../../../domain/approval/seats.ts';
import { REQUEST_STATUSES } from '../../../domain/request/status.ts';
import type { RuleRequirement } from '../../../domain/request/requirement.ts';
import { allOf } from '../../../domain/conditions/combined.ts';
import { by, check, outcome, type Changes } from './decisions.ts';
import {
  approval,
  reviewBy,
  DIRECTORY,
  examplePerson,
  MINUTE_MS,
  minutes,
  requirement,
  seats,
  stage,
} from '../examples.ts';

const requiring = (...rules: readonly RuleRequirement[]): Partial<DecidableRequest> => ({
  requirement: requirement(rules),
});

const withGroup = (id: string, members: readonly string[]): typeof DIRECTORY => ({
  ...DIRECTORY,
  groups: DIRECTORY.groups.map((group) => (group.id === id ? { ...group, members } : group)),
});

describe('a reviewer', () => {
  it('may decide when a stage asks for them, and fills the seats of that stage', () => {
    expect(check()).toEqual({ ok: true, person: 'olga', seats: seats([0, 0]) });
    expect(check({ attempt: { verdict: 'deny' } })).toMatchObject({ ok: true });
  });

  it('must be human: no verdict of a machine counts, not even for an account of a person', () => {
    for (const verdict of ['approve', 'deny', 'defer'] as const) {
      expect(outcome({ attempt: { is_human: false, verdict } })).toBe('machine_cannot_decide');
    }
  });

  it('must be a person of the directory', () => {
    expect(outcome({ attempt: by('mallory') })).toBe('reviewer_unknown');
    expect(outcome({ attempt: { reviewer: { issuer: 'https://else.example', subject: 'sub-olga' } } })).toBe(
      'reviewer_unknown',
    );
    const agent = { reviewer: { issuer: 'https://login.example', subject: 'agent-billing' } };
    expect(outcome({ attempt: agent })).toBe('reviewer_unknown');
  });

  it('must be active', () => {
    const people = DIRECTORY.people.map((one) =>
      one.id === 'olga' ? examplePerson('olga', { active: false }) : one,
    );
    expect(outcome({ now: { ...DIRECTORY, people }, atCreation: DIRECTORY })).toBe('reviewer_inactive');
  });

  it('must be a member of the group now', () => {
    expect(outcome({ now: withGroup('dba', ['dmitri']), atCreation: DIRECTORY })).toBe('not_eligible');
  });

  it('must have been a member when the request was made: nobody joins a group to approve', () => {
    expect(outcome({ now: DIRECTORY, atCreation: withGroup('dba', ['dmitri']) })).toBe('not_eligible');
  });

  it('must be the same by one selector then and now, not by one then and another now', () => {
    const request = requiring(reviewBy([stage(['group:dba', 'group:dba-leads'])]));
    const now = withGroup('dba-leads', ['petra', 'olga']);
    const removed = {
      ...now,
      groups: now.groups.map((one) => (one.id === 'dba' ? { ...one, members: [] } : one)),
    };
    expect(outcome({ request, now: removed, atCreation: DIRECTORY })).toBe('not_eligible');
  });

  it('counts as a member through nested groups', () => {
    expect(outcome({ request: requiring(reviewBy([stage(['group:data'])])), attempt: by('petra') })).toBe(
      'ok',
    );
  });

  it('is an owner when the target says so', () => {
    const request = requiring(reviewBy([stage(['owners'])]));
    expect(outcome({ request, attempt: by('omar') })).toBe('ok');
    expect(outcome({ request })).toBe('not_eligible');
    expect(outcome({ request: { ...request, owners: ['user:olga'] } })).toBe('ok');
    expect(outcome({ request: { ...request, owners: [] }, attempt: by('omar') })).toBe('not_eligible');
    expect(outcome({ request: { ...request, owners: ['owners'] }, attempt: by('omar') })).toBe(
      'not_eligible',
    );
  });

  it('of another stage is not eligible', () => {
    expect(outcome({ attempt: by('omar') })).toBe('not_eligible');
    expect(outcome({ attempt: by('omar', { verdict: 'deny' }) })).toBe('not_eligible');
  });

  it('must meet a condition of the rule now and when the request was made: nobody joins or leaves a group for it', () => {
    const groupsWith = (id: string): typeof DIRECTORY => ({
      ...DIRECTORY,
      groups: [...DIRECTORY.groups, { id, members: ['olga'], groups: [] }],
    });
    const trained = requiring(
      reviewBy([stage(['group:dba'])], { reviewer_when: '"trained" in reviewer.groups' }),
    );
    expect(outcome({ request: trained, now: groupsWith('trained') })).toBe('ok');
    expect(outcome({ request: trained, now: groupsWith('trained'), atCreation: DIRECTORY })).toBe(
      'not_eligible',
    );
    const inside = requiring(
      reviewBy([stage(['group:dba'])], { reviewer_when: '!("contractors" in reviewer.groups)' }),
    );
    expect(outcome({ request: inside })).toBe('ok');
    expect(outcome({ request: inside, now: DIRECTORY, atCreation: groupsWith('contractors') })).toBe(
      'not_eligible',
    );
  });

  it('reads why policy keeps reviewers like them out, and only where nothing else does', () => {
    const when = 'reviewer.id != "olga"';
    const reviewers = { when, because: 'Olga is on parental leave' };
    const own = '"trained" in reviewer.groups';
    const message = (condition: string, changes: Changes = {}): string => {
      const rule = reviewBy([stage(['group:dba'])], { reviewer_when: condition });
      const result = check({ request: requiring(rule), reviewers, ...changes });
      return result.ok ? 'ok' : result.message;
    };
    const plain = 'You are not a reviewer of any open stage of this request';
    expect(message(when)).toBe(`${plain}: Olga is on parental leave`);
    // Another condition keeps her out too, the rounds of an earlier policy did not ask for it, or it is not about her.
    expect(message(allOf(when, own))).toBe(`${plain}.`);
    expect(message(own)).toBe(`${plain}.`);
    expect(message(when, { attempt: by('omar') })).toBe(`${plain}.`);
  });

  it('of an escalation may decide from its instant on', () => {
    const ladder = stage(['group:dba'], 1, {
      escalate: [{ after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' }],
    });
    const request = requiring(reviewBy([ladder]));
    expect(outcome({ request, attempt: by('petra', { at: minutes(29) }) })).toBe('not_eligible');
    expect(outcome({ request, attempt: by('petra', { at: minutes(30) }) })).toBe('ok');
    expect(outcome({ request, attempt: by('olga', { at: minutes(31) }) })).toBe('ok');
  });

  it('of a later stage waits until the earlier one is satisfied', () => {
    const sequence = reviewBy([stage(['group:dba']), stage(['owners'])], { order: 'sequential' });
    const request = { ...requiring(sequence), decisions: [] };
    expect(outcome({ request, attempt: by('omar') })).toBe('not_eligible');
    const decisions = [approval('olga', seats([0, 0]))];
    expect(check({ request: { ...request, decisions }, attempt: by('omar') })).toEqual({
      ok: true,
      person: 'omar',
      seats: seats([0, 1]),
    });
  });

  it('may fill every seat that asks for them', () => {
    const request = requiring(
      reviewBy([stage(['group:dba']), stage(['user:olga'])]),
      reviewBy([stage(['group:data'])]),
    );
    expect(check({ request })).toMatchObject({ seats: seats([0, 0], [0, 1], [1, 0]) });
  });
});

describe('a decision', () => {
  it.each(REQUEST_STATUSES.filter((status) => status !== 'pending'))(
    'is refused while the request is %s',
    (status) => {
      expect(outcome({ request: { status } })).toBe('request_not_pending');
    },
  );

  it.each([
    ['approved', 'deny', 'ok'],
    ['approved', 'approve', 'request_not_pending'],
    ['approved', 'defer', 'request_not_pending'],
    ['executing', 'deny', 'request_not_pending'],
    ['planning', 'deny', 'request_not_pending'],
  ] as const)('stops what is approved and not claimed, by a denial: %s, %s', (status, verdict, expected) => {
    expect(outcome({ request: { status }, attempt: { verdict } })).toBe(expected);
    const isOver = { status, expires_at: minutes(-5) };
    expect(outcome({ request: isOver, attempt: { verdict } })).toBe(expected);
  });

  it('must be made before the request expires', () => {
    const expires_at = minutes(5);
    const justBefore = new Date(Date.parse(expires_at) - 1).toISOString();
    expect(outcome({ request: { expires_at }, attempt: { at: justBefore } })).toBe('ok');
    expect(outcome({ request: { expires_at } })).toBe('request_expired');
    expect(outcome({ request: { expires_at }, attempt: { verdict: 'deny' } })).toBe('request_expired');
    expect(outcome({ attempt: { at: 'yesterday' } })).toBe('request_expired');
  });

  it('must be about what is asked now', () => {
    const decision_digest = `sha256:${'e'.repeat(64)}`;
    expect(outcome({ attempt: { decision_digest } })).toBe('decision_digest_stale');
    expect(outcome({ request: { decision_digest } })).toBe('decision_digest_stale');
    expect(outcome({ request: { decision_digest: null } })).toBe('decision_digest_stale');
  });

  it('is made once a person, whichever account they use; only an approval may be taken back by a denial', () => {
    const given = { decisions: [approval('olga', seats([0, 0]))] };
    const denied = { decisions: [approval('olga', seats([0, 0]), { verdict: 'deny' })] };
    for (const verdict of ['approve', 'deny', 'defer'] as const) {
      const code = verdict === 'deny' ? 'ok' : 'already_decided';
      expect(outcome({ request: given, attempt: { verdict } })).toBe(code);
      expect(outcome({ request: denied, attempt: { verdict } })).toBe('already_decided');
    }
    expect(outcome({ request: given, attempt: by('dmitri') })).toBe('ok');
    const other = { issuer: 'https://else.example', subject: '7' };
    const people = [
      examplePerson('olga', { accounts: [{ issuer: 'https://login.example', subject: 'sub-olga' }, other] }),
    ];
    const linked = { ...DIRECTORY, people };
    expect(outcome({ request: given, attempt: { reviewer: other }, now: linked })).toBe('already_decided');
  });

  it('may follow a deferral of the same person', () => {
    const decisions = [approval('olga', seats([0, 0]), { verdict: 'defer' })];
    expect(outcome({ request: { decisions } })).toBe('ok');
  });

  it('may be made again once the first approval grew stale', () => {
    const decisions = [approval('olga', seats([0, 0]), { at: minutes(1) })];
    const request = {
      ...requiring(reviewBy([stage(['group:dba'])], { maximum_age_ms: 10 * MINUTE_MS })),
      decisions,
    };
    expect(outcome({ request, attempt: { at: minutes(10) } })).toBe('already_decided');
    expect(outcome({ request, attempt: { at: minutes(11) } })).toBe('ok');
  });

  it('may be made again as soon as one of its rules needs it, though another still counts the first', () => {
    const rules = [
      reviewBy([stage(['group:dba'])], { maximum_age_ms: 10 * MINUTE_MS }),
      reviewBy([stage(['group:dba'])], { maximum_age_ms: 100 * MINUTE_MS }),
    ];
    const decisions = [approval('olga', seats([0, 0], [1, 0]), { at: minutes(1) })];
    const request = { ...requiring(...rules), decisions };
    expect(outcome({ request, attempt: { at: minutes(9) } })).toBe('already_decided');
    expect(outcome({ request, attempt: { at: minutes(20) } })).toBe('ok');
  });

  it('needs a reason where any rule asks for one', () => {
    const request = requiring(
      reviewBy([stage(['group:dba'])]),
      reviewBy([stage(['owners'])], { is_reason_required: true }),
    );
    expect(outcome({ request })).toBe('reason_required');
    expect(outcome({ request, attempt: { verdict: 'deny' } })).toBe('reason_required');
    expect(outcome({ request, attempt: { has_reason: true } })).toBe('ok');
    const defer = { until: minutes(30), to: null };
    expect(outcome({ request, attempt: { verdict: 'defer', defer } })).toBe('ok');
  });

  it('below the required grade is no approval, but a denial still ends the request', () => {
    const request = requiring(reviewBy([stage(['group:dba'])], { minimum_grade: 'B' }));
    expect(outcome({ request })).toBe('grade_too_low');
    expect(outcome({ request, attempt: { grade: 'B' } })).toBe('ok');
    expect(outcome({ request, attempt: { grade: 'A' } })).toBe('ok');
    expect(outcome({ request, attempt: { verdict: 'deny' } })).toBe('ok');
  });

  it('fills only the seats for which its grade is enough', () => {
    const rules = [
      reviewBy([stage(['group:dba'])], { minimum_grade: 'B' }),
      reviewBy([stage(['group:dba'])]),
    ];
    expect(check({ request: requiring(...rules) })).toMatchObject({ seats: seats([1, 0]) });
  });
});

describe('a deferral', () => {
  const ladder = stage(['group:dba'], 1, { escalate: [{ after_ms: 30 * MINUTE_MS, to: 'group:dba-leads' }] });
  const deferring = (until: string | null, to: string | null): string =>
    outcome({ request: requiring(reviewBy([ladder])), attempt: { verdict: 'defer', defer: { until, to } } });

  it('names an instant in the future', () => {
    expect(deferring(minutes(6), null)).toBe('ok');
    expect(deferring(minutes(5), null)).toBe('defer_invalid');
    expect(deferring(minutes(4), null)).toBe('defer_invalid');
    expect(deferring('tomorrow', null)).toBe('defer_invalid');
  });

  it('names either an instant or a group, and not nothing', () => {
    expect(deferring(null, null)).toBe('defer_invalid');
    expect(deferring(minutes(6), 'group:dba')).toBe('defer_invalid');
    expect(outcome({ attempt: { verdict: 'defer', defer: null } })).toBe('defer_invalid');
  });

  it('hands over only to whom the request already requires, escalations included', () => {
    expect(deferring(null, 'group:dba')).toBe('ok');
    expect(deferring(null, 'group:dba-leads')).toBe('ok');
    expect(deferring(null, 'group:shop-owners')).toBe('hand_over_invalid');
    expect(deferring(null, 'user:ada')).toBe('hand_over_invalid');
  });
});

describe('a selector', () => {
  const scope = { directory: DIRECTORY, owners: ['group:shop-owners'], rotations: [], duty_at: null };

  it('holds exactly the people it names', () => {
    expect(isSelected(scope, 'user:olga', 'olga')).toBe(true);
    expect(isSelected(scope, 'user:olga', 'olg')).toBe(false);
    expect(isSelected(scope, 'owners', 'omar')).toBe(true);
    expect(isSelected(scope, 'group:nobody', 'olga')).toBe(false);
  });

  it('of an unknown kind holds nobody, whatever its tail spells', () => {
    expect(isSelected({ ...scope, owners: ['oncal:dba', 'xxxxxxdba', 'olga'] }, 'owners', 'olga')).toBe(
      false,
    );
  });

  it('is listed with those of escalations', () => {
    const ladder = stage(['group:dba'], 1, { escalate: [{ after_ms: 1, to: 'owners' }] });
    const required = { requirement: requirement([reviewBy([ladder]), reviewBy([stage(['user:omar'])])]) };
    expect(requiredSelectors(required)).toEqual(['group:dba', 'owners', 'user:omar']);
  });
});
