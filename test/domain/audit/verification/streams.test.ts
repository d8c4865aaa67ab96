import { describe, expect, it } from 'vitest';

import { leafHash, leafText, type LeafType } from '../../../../domain/audit/leaf.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../../domain/crypto/digest.ts';
import { verifyStream, type StreamEvidence } from '../../../../domain/audit/verification/streams.ts';
import type { GoverningStream, StreamState } from '../../../../contract/streams.ts';
import { minute } from './policy.ts';
import { entry, NOW } from './story.ts';

interface Step {
  readonly type: LeafType;
  readonly facts: Record<string, JsonValue>;
  readonly at?: string;
  readonly parts?: Record<string, JsonValue>;
}

const [FIRST, SECOND] = [sha256('first'), sha256('second')];

const INSTALLED: readonly Step[] = [
  { type: 'policy.installed', facts: { digest: FIRST, generation: 1, replaces: null } },
  { type: 'policy.installed', facts: { digest: SECOND, generation: 2, replaces: FIRST, recovery: true } },
];

const SWITCHED: readonly Step[] = [
  {
    type: 'switch.thrown',
    facts: { switch: 'swi_1', person: 'per_a', kind: 'target', scope: 'shop' },
    parts: { reason: 'odd rows' },
  },
  { type: 'switch.lift_confirmed', facts: { switch: 'swi_1', person: 'per_a' } },
  { type: 'switch.lift_confirmed', facts: { switch: 'swi_1', person: 'per_b' } },
  { type: 'switch.lifted', facts: { switch: 'swi_1', person: 'per_b' } },
  {
    type: 'switch.thrown',
    facts: { switch: 'swi_2', person: 'per_a', kind: 'agent' },
    parts: { reason: 'too many', scope: 'billing', account: { issuer: 'https://i', subject: 'billing' } },
  },
];

const SALT = '00'.repeat(16);
const [TARGET, AGENT] = [
  {
    id: 'swi_1',
    is_engaged: false,
    scope: { kind: 'target', value: 'shop' },
    account: null,
    reason: 'odd rows',
    thrown_at: minute(0),
    salts: { reason: SALT },
  },
  {
    id: 'swi_2',
    is_engaged: true,
    scope: { kind: 'agent', value: 'billing' },
    account: { issuer: 'https://i', subject: 'billing' },
    reason: 'too many',
    thrown_at: minute(4),
    salts: { reason: SALT, scope: SALT, account: SALT },
  },
] as const;
const SWITCHES = [TARGET, AGENT];

/** A whole chain of a stream, made of its steps. */
function streamOf(stream: GoverningStream, steps: readonly Step[]): string[] {
  const texts: string[] = [];
  for (const [n, { type, facts, at = minute(n), parts = {} }] of steps.entries()) {
    const digest = typeof facts['digest'] === 'string' ? facts['digest'] : null;
    const draft = { ...entry(type, facts, { at }).draft, intent_digest: null, decision_digest: null };
    const prev = texts.at(-1);
    texts.push(
      leafText(
        { ...draft, policy_digest: digest, parts },
        {
          id: `${stream}/${n}`,
          request: stream,
          run: stream,
          namespace: '',
          n,
          prev: prev === undefined ? null : leafHash(prev),
          nonce: 'ab',
          salts: Object.fromEntries(Object.keys(parts).map((part) => [part, SALT])),
        },
      ),
    );
  }
  return texts;
}

const POLICY: StreamEvidence = {
  stream: 'policy',
  leaves: streamOf('policy', INSTALLED),
  state: { policy: { digest: SECOND, generation: 2 }, policy_sets: [intact(FIRST), intact(SECOND)] },
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

const MADE: Step = {
  type: 'key.created',
  facts: {
    key: 'key_1',
    actions: ['postgres.execute'],
    targets: null,
    expires_at: minute(60),
    row_digest: sha256('nightly'),
  },
};
const REVOKED: Step = { type: 'key.revoked', facts: { key: 'key_1', how: 'owner' } };
const KEY_STATE = {
  id: 'key_1',
  expires_at: minute(60),
  actions: ['postgres.execute'],
  targets: null,
  row_digest: sha256('nightly'),
  is_revoked: true,
};
const KEYS: StreamEvidence = {
  stream: 'keys',
  leaves: streamOf('keys', [MADE, REVOKED]),
  state: { keys: [KEY_STATE] },
};

const PASSKEY = {
  credential: 'Y3JlZA',
  public_key: { kty: 'OKP', crv: 'Ed25519', x: 'x' },
  rp_id: 'keyturn.example',
  origin: 'https://keyturn.example',
};
const registered = (id: string, more: Record<string, JsonValue> = {}): Step => ({
  type: 'passkey.registered',
  facts: {
    ...PASSKEY,
    person: 'per_ann',
    passkey: id,
    how: 'self',
    link: null,
    confirmed_by: null,
    row_digest: sha256(id),
    ...more,
  },
});
const RECOVERED: readonly Step[] = [
  registered('psk_1'),
  registered('psk_2', { confirmed_by: 'psk_1' }),
  { type: 'passkey.revoked', facts: { passkey: 'psk_1' } },
  { type: 'passkey.link_made', facts: { link: 'pkl_1', kind: 'recovery' } },
  { type: 'passkey.recovery_agreed', facts: { link: 'pkl_1', revoked: ['psk_2'] } },
  registered('psk_3', { how: 'recovery', link: 'pkl_1' }),
];
const passkeyRow = (id: string, is_revoked: boolean) => ({
  ...PASSKEY,
  id,
  row_digest: sha256(id),
  is_revoked,
});
const PASSKEY_STATES = [passkeyRow('psk_1', true), passkeyRow('psk_2', true), passkeyRow('psk_3', false)];
const PASSKEYS: StreamEvidence = {
  stream: 'passkeys',
  leaves: streamOf('passkeys', RECOVERED),
  state: { passkeys: PASSKEY_STATES },
};
/** The last passkey otherwise. */
const passkeys = (changed: object): StreamEvidence => ({
  ...PASSKEYS,
  state: { passkeys: PASSKEY_STATES.map((one) => (one.id === 'psk_3' ? { ...one, ...changed } : one)) },
});
/** Other entries, one after the other. */
const entries = (at: number, ...others: readonly Step[]): StreamEvidence => ({
  ...PASSKEYS,
  leaves: streamOf('passkeys', RECOVERED.toSpliced(at, 1, ...others)),
});

describe('the streams of what governs everybody', () => {
  it.each([POLICY, SWITCH, PROPOSED, KEYS, PASSKEYS])('hold as they were written: $stream', (evidence) => {
    expect(verifyStream(evidence, NOW)).toMatchObject({ ok: true, outcome: 'ok' });
  });

  it.each<readonly [string, StreamEvidence]>([
    ['a passkey that a revoked one confirmed', entries(5, registered('psk_3', { confirmed_by: 'psk_1' }))],
    ['a further passkey that nothing confirmed', entries(1, registered('psk_2'))],
    [
      'a passkey that counts for more than that of a recovery which confirmed it',
      entries(6, registered('psk_4', { confirmed_by: 'psk_3' })),
    ],
    [
      'a passkey of a recovery that there was not',
      entries(1, registered('psk_2', { how: 'recovery', confirmed_by: 'psk_1' })),
    ],
    ['a passkey of a link that is not open', entries(4)],
    ['a passkey of a link that nobody made', entries(3)],
    [
      'a passkey revoked twice',
      entries(2, ...[1, 2].map((): Step => ({ type: 'passkey.revoked', facts: { passkey: 'psk_1' } }))),
    ],
    [
      'a link that is used twice',
      entries(5, ...['psk_3', 'psk_4'].map((id) => registered(id, { how: 'recovery', link: 'pkl_1' }))),
    ],
  ])('have no entry that cannot follow: %s', (_what, evidence) => {
    const { checks } = verifyStream(evidence, NOW);
    expect(checks.find(({ name }) => name === 'state_follows')?.detail).toContain('cannot follow');
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
    ['a passkey that nobody registered', 'state_follows', { ...PASSKEYS, leaves: [] }],
    ['a passkey that is gone', 'state_follows', { ...PASSKEYS, state: { passkeys: [] } }],
    ['a passkey with another key', 'state_follows', passkeys({ public_key: { kty: 'RSA' } })],
    ['a passkey of another person', 'state_follows', passkeys({ row_digest: sha256('other') })],
    ['a passkey for another page', 'state_follows', passkeys({ origin: 'https://evil.example' })],
    ['a passkey that is revoked by hand', 'state_follows', passkeys({ is_revoked: true })],
    ['a key that nobody revoked', 'state_follows', { ...KEYS, leaves: streamOf('keys', [MADE]) }],
    ['a key made twice', 'state_follows', { ...KEYS, leaves: streamOf('keys', [MADE, MADE, REVOKED]) }],
    ['a key revoked twice', 'state_follows', { ...KEYS, leaves: streamOf('keys', [MADE, REVOKED, REVOKED]) }],
    ['a key that nobody made', 'state_follows', { ...KEYS, leaves: [] }],
    ['a key for more', 'state_follows', { ...KEYS, state: { keys: [{ ...KEY_STATE, actions: null }] } }],
    [
      'a key for another target',
      'state_follows',
      { ...KEYS, state: { keys: [{ ...KEY_STATE, targets: [] }] } },
    ],
    [
      'a key of another agent',
      'state_follows',
      { ...KEYS, state: { keys: [{ ...KEY_STATE, row_digest: sha256('elsewhere') }] } },
    ],
    [
      'a key that lasts longer',
      'state_follows',
      { ...KEYS, state: { keys: [{ ...KEY_STATE, expires_at: minute(61) }] } },
    ],
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

  it.each<readonly [string, StreamState['switches']]>([
    ['the kind of its scope', [{ ...TARGET, scope: { kind: 'action', value: 'shop' } }, AGENT]],
    ['its target', [{ ...TARGET, scope: { kind: 'target', value: 'nowhere' } }, AGENT]],
    ['its agent', [TARGET, { ...AGENT, scope: { kind: 'agent', value: 'other' } }]],
    ['the account of its agent', [TARGET, { ...AGENT, account: { issuer: 'https://i', subject: 'x' } }]],
    ['an account that it never had', [{ ...TARGET, account: AGENT.account }, AGENT]],
    ['its reason', [{ ...TARGET, reason: 'none' }, AGENT]],
    ['when it was engaged', [{ ...TARGET, thrown_at: minute(1) }, AGENT]],
  ])('name a switch of which somebody changed %s', (_what, switches) => {
    expect(stateOf({ ...SWITCH, state: { switches } })).toBe('failed');
  });

  it.each<readonly [string, StreamState['switches']]>([
    ['a reason that is erased', [{ ...TARGET, salts: {} }, AGENT]],
    ['an account that no entry holds', [TARGET, { ...AGENT, salts: { reason: SALT, scope: SALT } }]],
    ['what a switch stops', [{ id: 'swi_1', is_engaged: false }, AGENT]],
  ])('say that they do not show %s', (_what, switches) => {
    expect(stateOf({ ...SWITCH, state: { switches } })).toBe('not_shown');
  });

  it('name a stored policy that is not what its digest names, or gone', () => {
    const state = { policy: { digest: SECOND, generation: 2 } };
    const altered = [{ digest: FIRST, is_intact: false }, intact(SECOND)];
    expect(stateOf({ ...POLICY, state: { ...state, policy_sets: altered } })).toBe('failed');
    expect(stateOf({ ...POLICY, state: { ...state, policy_sets: [intact(SECOND)] } })).toBe('failed');
    expect(stateOf({ ...POLICY, state })).toBe('not_shown');
  });

  it('do not show what an activation rests on without the request that it names', () => {
    const named = INSTALLED.map((step) => ({
      ...step,
      facts: { ...step.facts, recovery: false, request: 'req_1' },
    }));
    const { checks } = verifyStream({ ...POLICY, leaves: streamOf('policy', named) }, NOW);
    expect(checks.filter(({ outcome }) => outcome === 'not_shown').map(({ name }) => name)).toContain(
      'publications_approved',
    );
  });

  it('say what they do not show', () => {
    expect(verifyStream({ stream: 'directory', leaves: [], state: {} }, NOW).outcome).toBe('not_shown');
    expect(verifyStream({ ...POLICY, state: null }, NOW).outcome).toBe('not_shown');
  });
});

function active(digest: string, generation: number): StreamEvidence {
  return { ...POLICY, state: { policy: { digest, generation } } };
}

function both(isEngaged: boolean): StreamState['switches'] {
  return SWITCHES.map((one) => ({ ...one, is_engaged: isEngaged }));
}

function intact(digest: string): { digest: string; is_intact: boolean } {
  return { digest, is_intact: true };
}

function stateOf(evidence: StreamEvidence): string | undefined {
  return verifyStream(evidence, NOW).checks.find(({ name }) => name === 'state_follows')?.outcome;
}

describe('the links of accounts', () => {
  const [ONE, TWO] = [sha256('one'), sha256('two')];
  const made = (link: string, row_digest: string): Step => ({
    type: 'account.linked',
    facts: { link, person: 'per_a', account: 'acc_x', session: 'ses_1', row_digest },
  });
  const removed = (link: string): Step => ({
    type: 'account.unlinked',
    facts: { link, person: 'per_a', of: 'per_a', account: 'acc_x', session: 'ses_1', how: 'person' },
  });
  const STEPS = [made('lnk_1', ONE), made('lnk_2', TWO), removed('lnk_1')];
  const LINKS = [
    { id: 'lnk_1', row_digest: ONE, is_removed: true, is_held: false },
    { id: 'lnk_2', row_digest: TWO, is_removed: false, is_held: true },
  ] as const;
  const problemsOf = (steps: readonly Step[], links: StreamState['links'] = []): string => {
    const leaves = streamOf('directory', steps);
    const { checks } = verifyStream({ stream: 'directory', leaves, state: { links } }, NOW);
    return JSON.stringify(checks.flatMap(({ outcome, detail }) => (outcome === 'failed' ? [detail] : [])));
  };

  it('stand as their entries say', () => {
    expect(problemsOf(STEPS, [...LINKS])).toBe('[]');
  });

  const [FIRST_LINK, SECOND_LINK] = LINKS;
  it.each([
    ['one that is removed in the database alone', { steps: STEPS.slice(0, 2) }],
    ['one of another account or person', { links: [{ ...FIRST_LINK, row_digest: TWO }, SECOND_LINK] }],
    ['one whose account is the person’s again', { links: [{ ...FIRST_LINK, is_held: true }, SECOND_LINK] }],
    ['one whose account is theirs no more', { links: [FIRST_LINK, { ...SECOND_LINK, is_held: false }] }],
    ['one without an entry', { steps: STEPS.slice(0, 1) }],
    ['one that is gone', { links: [SECOND_LINK], found: 'was made and is gone' }],
    ['one that is made twice', { steps: [...STEPS, made('lnk_2', TWO)], found: 'cannot follow' }],
    ['one that is removed twice', { steps: [...STEPS, removed('lnk_1')], found: 'cannot follow' }],
  ])('are found otherwise: %s', (_what, changed) => {
    const { steps, links, found } = {
      steps: STEPS,
      links: [...LINKS],
      found: 'stands otherwise',
      ...changed,
    };
    expect(problemsOf(steps, links)).toContain(found);
  });
});
