import type {
  Decision,
  Effect,
  Requirement,
  Shown,
  StageProgress,
} from '../../../apps/console/request/view.ts';

type Loose<Whole> = { readonly [Key in keyof Whole]?: Partial<Whole[Key]> | Whole[Key] };

/** A pending request as the page reads it: three rows of an account change, and a database administrator has to agree. */
export function shownRequest({
  card = {},
  request = {},
  ...others
}: Loose<Pick<Shown, 'card' | 'request'>> & Partial<Pick<Shown, 'viewDigest'>> = {}): Shown {
  const shown = {
    viewDigest: 'sha256:view',
    neededGrade: 'C',
    refusals: {
      approve: null,
      deny: null,
      defer: null,
      withdraw: { code: 'forbidden', detail: 'No.' },
      ask: null,
      answer: { code: 'forbidden', detail: 'No.' },
    },
    card: {
      decision_digest: 'sha256:decision',
      request: {
        id: 'req_1',
        action: 'postgres.execute',
        target: 'shop',
        environment: 'prod',
        mode: 'execute',
        start: null,
      },
      plan: { summary: 'Updates 3 rows of account.', operation: 'update account', is_by_requester: false },
      effects: [effect({})],
      preview: { is_whole: true, warnings: [] },
      risk: { tier: 'medium', reasons: [], facts: null },
      requirement: requirement(),
      reversal: { is_possible: true, how: 'By one statement.', steps: [] },
      ...card,
    },
    request: {
      id: 'req_1',
      status: 'pending',
      round: 1,
      progress: { rules: [{ rule: 'usual', stages: [stageProgress({})] }] },
      expires_at: '2026-12-01T07:00:00.000Z',
      decisions: [],
      ...request,
    },
    ...others,
  };
  return shown as unknown as Shown;
}

export function effect(wanted: Partial<Effect>): Effect {
  const rows = wanted.rows ?? [
    { key: 'id=1', before: { credit: '1' }, after: { credit: '2' } },
    { key: 'id=2', before: { credit: '1' }, after: { credit: '2' } },
    { key: 'id=3', before: { credit: '1' }, after: { credit: '2' } },
  ];
  return {
    resource: 'public.account',
    inserted: 0,
    updated: rows.length,
    deleted: 0,
    assigned_columns: [],
    is_counts_only: false,
    changed: rows.length,
    cut: { rows: 0, values: 0 },
    ...wanted,
    rows,
  };
}

export function requirement(wanted: Partial<Requirement> = {}): Requirement {
  return {
    expires_at: null,
    words: '1 person',
    distinct_people: 1,
    minimum_grade: 'C',
    channels: null,
    rules: [
      {
        rule: 'usual',
        order: 'parallel',
        expires_ms: 3_600_000,
        maximum_age_ms: 1_800_000,
        minimum_grade: 'C',
        is_reason_required: false,
        stages: [
          {
            any: ['group:dba'],
            quorum: 1,
            escalate: [{ after_ms: 1_800_000, to: 'group:dba-leads' }],
            words: '1 person of group:dba',
          },
        ],
      },
    ],
    ...wanted,
  };
}

type Rung = StageProgress['ladder'][number];

interface Progress {
  readonly quorum?: number;
  readonly filled?: number;
  readonly opened_at?: string | null;
  readonly selectors?: readonly string[];
  readonly ladder?: Rung[];
}

export function stageProgress(wanted: Progress) {
  const opened_at = '2026-12-01T03:00:00.000Z';
  const at = wanted.opened_at === null ? null : '2026-12-01T03:30:00.000Z';
  const ladder: Rung[] = [{ to: 'group:dba-leads', after_ms: 1_800_000, at }];
  return { selectors: ['group:dba'], quorum: 1, filled: 0, opened_at, ladder, ...wanted };
}

export function decision(wanted: Partial<Decision>): Decision {
  return {
    id: 'dec_1',
    reviewer: { issuer: 'https://idp.example', subject: 'olga' },
    person: 'olga',
    person_name: 'Olga Petrenko',
    verdict: 'approve',
    at: '2026-12-01T03:10:00.000Z',
    grade: 'C',
    channel: 'api',
    reason: null,
    defer_until: null,
    defer_to: null,
    outcome: 'counted',
    refusal: null,
    round: 1,
    ...wanted,
  } as Decision;
}
