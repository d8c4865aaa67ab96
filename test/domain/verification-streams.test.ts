import { describe, expect, it } from 'vitest';

import { leafHash, leafText, type LeafType } from '../../domain/audit.ts';
import type { JsonValue } from '../../domain/canonical-json.ts';
import { sha256 } from '../../domain/digest.ts';
import { verifyStream, type StreamEvidence } from '../../domain/verification-streams.ts';
import type { GoverningStream } from '../../domain/wire-streams.ts';
import { minute } from './verification-policy.ts';
import { entry, NOW } from './verification-story.ts';

interface Step {
  readonly type: LeafType;
  readonly facts: Record<string, JsonValue>;
  readonly at?: string;
}

const [FIRST, SECOND] = [sha256('first'), sha256('second')];

const INSTALLED: readonly Step[] = [
  { type: 'policy.installed', facts: { digest: FIRST, generation: 1, replaces: null } },
  { type: 'policy.installed', facts: { digest: SECOND, generation: 2, replaces: FIRST } },
];

const SWITCHED: readonly Step[] = [
  { type: 'switch.thrown', facts: { switch: 'swi_1', person: 'per_a' } },
  { type: 'switch.lift_confirmed', facts: { switch: 'swi_1', person: 'per_a' } },
  { type: 'switch.lift_confirmed', facts: { switch: 'swi_1', person: 'per_b' } },
  { type: 'switch.lifted', facts: { switch: 'swi_1', person: 'per_b' } },
  { type: 'switch.thrown', facts: { switch: 'swi_2', person: 'per_a' } },
];

const SWITCHES = [
  { id: 'swi_1', is_engaged: false },
  { id: 'swi_2', is_engaged: true },
];

/** A whole chain of a stream, made of its steps. */
function streamOf(stream: GoverningStream, steps: readonly Step[]): string[] {
  const texts: string[] = [];
  for (const [n, { type, facts, at = minute(n) }] of steps.entries()) {
    const digest = typeof facts['digest'] === 'string' ? facts['digest'] : null;
    const draft = { ...entry(type, facts, { at }).draft, intent_digest: null, decision_digest: null };
    const prev = texts.at(-1);
    texts.push(
      leafText(
        { ...draft, policy_digest: digest },
        {
          id: `${stream}/${n}`,
          request: stream,
          run: stream,
          namespace: '',
          n,
          prev: prev === undefined ? null : leafHash(prev),
          nonce: 'ab',
          salts: {},
        },
      ),
    );
  }
  return texts;
}

const POLICY: StreamEvidence = {
  stream: 'policy',
  leaves: streamOf('policy', INSTALLED),
  state: { policy: { digest: SECOND, generation: 2 } },
};
const SWITCH: StreamEvidence = {
  stream: 'switches',
  leaves: streamOf('switches', SWITCHED),
  state: { switches: SWITCHES },
};
const PROPOSED: StreamEvidence = {
  stream: 'proposals',
  leaves: streamOf('proposals', [{ type: 'policy.proposed', facts: { digest: FIRST } }]),
  state: { proposals: [FIRST] },
};

describe('the streams of what governs everybody', () => {
  it.each([POLICY, SWITCH, PROPOSED])('hold as they were written: $stream', (evidence) => {
    expect(verifyStream(evidence, NOW)).toMatchObject({ ok: true, outcome: 'ok' });
  });

  const without = (index: number): Step[] => SWITCHED.filter((_, at) => at !== index);

  it.each<readonly [string, string, StreamEvidence]>([
    ['an entry that was removed', 'chain_unbroken', { ...SWITCH, leaves: SWITCH.leaves.toSpliced(1, 1) }],
    ['the last entry, cut off', 'state_follows', { ...SWITCH, leaves: SWITCH.leaves.slice(0, -1) }],
    ['an entry of another stream', 'leaves_canonical', { ...POLICY, leaves: PROPOSED.leaves }],
    ['a policy activated without an entry', 'state_follows', active(sha256('other'), 3)],
    [
      'an activation that skips one',
      'state_follows',
      { ...POLICY, leaves: streamOf('policy', INSTALLED.slice(1)) },
    ],
    ['a switch released by hand', 'state_follows', { ...SWITCH, state: { switches: both(false) } }],
    ['a switch engaged by hand', 'state_follows', { ...SWITCH, state: { switches: both(true) } }],
    ['a switch that is gone', 'state_follows', { ...SWITCH, state: { switches: SWITCHES.slice(1) } }],
    ['a release by one person', 'state_follows', { ...SWITCH, leaves: streamOf('switches', without(2)) }],
    ['a release of nothing', 'state_follows', { ...SWITCH, leaves: streamOf('switches', without(0)) }],
    ['a proposal without an entry', 'state_follows', { ...PROPOSED, state: { proposals: [FIRST, SECOND] } }],
    ['a proposal that is gone', 'state_follows', { ...PROPOSED, state: { proposals: [] } }],
    [
      'an entry dated back',
      'times_run_forward',
      {
        ...POLICY,
        leaves: streamOf(
          'policy',
          INSTALLED.map((step, n) => ({ ...step, at: minute(-60 * n) })),
        ),
      },
    ],
  ])('name %s', (_what, named, evidence) => {
    const failed = verifyStream(evidence, NOW).checks.filter(({ outcome }) => outcome === 'failed');
    expect(failed.map(({ name }) => name)).toContain(named);
  });

  it('say what they do not show', () => {
    expect(verifyStream({ stream: 'directory', leaves: [], state: {} }, NOW).outcome).toBe('not_shown');
    expect(verifyStream({ ...POLICY, state: null }, NOW).outcome).toBe('not_shown');
  });
});

function active(digest: string, generation: number): StreamEvidence {
  return { ...POLICY, state: { policy: { digest, generation } } };
}

function both(isEngaged: boolean): { id: string; is_engaged: boolean }[] {
  return SWITCHES.map(({ id }) => ({ id, is_engaged: isEngaged }));
}
