import type { RequestView } from '../../contract/requests.ts';

/** A pending request as a reviewer sees it. */
export function requestView(change: Partial<RequestView> = {}): RequestView {
  return {
    id: `req_${'a'.repeat(26)}`,
    action: 'postgres.execute',
    schema_version: 1,
    target: 'shop',
    environment: 'production',
    mode: 'execute',
    status: 'pending',
    denied_by: null,
    round: 1,
    intent_digest: `sha256:${'1'.repeat(64)}`,
    decision_digest: `sha256:${'2'.repeat(64)}`,
    risk: 'high',
    risk_reasons: ['production', 'deletes or overwrites data'],
    summary: 'updates 1 row of public.customer',
    matched_rules: [{ id: 'prod-sql', because: 'production data' }],
    requirement: {
      risk: 'high',
      distinct_people: 2,
      rules: [
        {
          rule: 'prod-sql',
          stages: [{ any: ['group:dba'], quorum: 2, escalate: [{ after_ms: 900_000, to: 'group:leads' }] }],
          order: 'parallel',
          expires_ms: 3_600_000,
          maximum_age_ms: 1_800_000,
          minimum_grade: 'C',
          is_reason_required: false,
        },
      ],
    },
    progress: {
      rules: [
        {
          rule: 'prod-sql',
          stages: [{ selectors: ['group:dba'], quorum: 2, filled: 1, opened_at: null, ladder: [] }],
        },
      ],
    },
    may_decide: ['group:dba'],
    pending_since: '2026-01-05T10:00:00.000Z',
    expires_at: '2026-01-05T11:00:00.000Z',
    requested_by: { issuer: 'https://id.example', subject: 'agent' },
    lineage: [
      { role: 'requester', issuer: 'https://id.example', subject: 'agent' },
      { role: 'on_behalf_of', issuer: 'https://id.example', subject: 'olga' },
    ],
    failure: null,
    result: null,
    shortage: null,
    is_break_glass: false,
    held_until: null,
    created_at: '2026-01-05T10:00:00.000Z',
    updated_at: '2026-01-05T10:00:00.000Z',
    version: 3,
    plan: {
      connector: 'postgres',
      summary: 'updates 1 row of public.customer',
      operation: "update customer\nset email = 'new@example.org'\nwhere id = 7",
      effects: [
        {
          resource: 'public.customer',
          inserted: 0,
          updated: 1,
          deleted: 0,
          rows: [{ key: 'id=7', before: { email: 'old@example.org' }, after: { email: 'new@example.org' } }],
          assigned_columns: ['changed_at'],
          is_counts_only: false,
        },
      ],
      warnings: ['A trigger of public.customer runs as well.'],
      risk_facts: {
        rows_changed: 1,
        resources_changed: 1,
        is_destructive: true,
        is_fully_previewed: true,
        is_reversible: true,
      },
      reversal: { is_possible: true, how: 'by the shown old values' },
      fingerprint: `sha256:${'3'.repeat(64)}`,
      locks_held_ms: 4,
    },
    arguments: { sql: "update customer set email = 'new@example.org' where id = 7" },
    claims: { justification: 'the customer asked' },
    decisions: [],
    ...change,
  };
}
