import { randomBytes, randomUUID } from 'node:crypto';

import { leafText, type LeafType } from '../../domain/audit/leaf.ts';
import { base32, pseudonymOf } from '../../domain/identity/ids.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import { intentDigest, planDigest } from '../../domain/request/digests.ts';
import { signEnvelope } from '../../domain/crypto/envelope.ts';
import type { Lineage } from '../../domain/identity/identity.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import { seal } from '../../domain/crypto/sealing.ts';
import type { TestApi } from './api.ts';

/** What a test wants of a stored request; the rest is an ordinary pending one. */
export interface StoredRequest {
  readonly status?: RequestStatus;
  /** What is asked for, where it must be another intent than that of all others. */
  readonly statement?: string;
  readonly agent?: string;
  readonly onBehalfOf?: string;
  /** In place of that of the agent. */
  readonly lineage?: Lineage;
  readonly requirement?: Requirement | null;
  readonly selectors?: readonly string[];
  readonly createdAt?: Date;
  readonly isBreakGlass?: boolean;
  readonly deniedBy?: 'person' | 'policy';
  readonly failure?: { readonly code: string; readonly detail: string };
}

/** What was stored. */
export interface Stored {
  readonly id: string;
  readonly decisionDigest: string;
}

export const SECRET_OF_PLAN = 'row-of-the-target';

const PLAN: StoredPlan = {
  connector: 'postgres.execute',
  summary: `updates 1 row of accounts (${SECRET_OF_PLAN})`,
  operation: 'update accounts',
  effects: [],
  warnings: [],
  risk_facts: {
    rows_changed: 1,
    resources_changed: 1,
    is_destructive: false,
    is_fully_previewed: true,
    is_reversible: true,
  },
  reversal: { is_possible: true, how: 'by hand' },
  fingerprint: `sha256:${'1'.repeat(64)}`,
  locks_held_ms: 1,
  salt: 'ab',
  target_digest: `sha256:${'2'.repeat(64)}`,
};

/** One administrator; a second stage for leads opens after a long time. */
export const ONE_DBA: Requirement = {
  risk: 'low',
  distinct_people: 1,
  rules: [
    {
      rule: 'usual',
      stages: [{ any: ['group:dba'], quorum: 1, escalate: [{ after_ms: 3_600_000, to: 'group:dba-leads' }] }],
      order: 'parallel',
      expires_ms: 7_200_000,
      maximum_age_ms: 3_600_000,
      minimum_grade: 'C',
      is_reason_required: false,
    },
  ],
};

/** The database's null, not JSON's. */
function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** Stores a request as the worker would, without a workflow. */
export async function storeRequest(api: TestApi, wanted: StoredRequest = {}): Promise<Stored> {
  const id = `req_${base32(randomBytes(16))}`;
  const { status = 'pending', requirement = ONE_DBA, selectors = ['group:dba'] } = wanted;
  const lineage = lineageOf(api, wanted);
  const [requester = { issuer: '', subject: '' }] = lineage;
  const decisionDigest = digestOf({ id });
  const storedDigest = planDigest(PLAN);
  const createdAt = wanted.createdAt ?? new Date();
  const values: Record<string, unknown> = {
    id,
    run_id: randomUUID(),
    envelope: await envelopeOf(api, { id, lineage, words: wordsOf(wanted) }),
    action: 'postgres.execute',
    schema_version: 1,
    target: 'shop',
    environment: 'prod',
    mode: 'execute',
    intent_digest: intentDigest({ ...INTENT, arguments: wordsOf(wanted) }),
    lineage: JSON.stringify(lineage),
    requester_issuer: requester.issuer,
    requester_subject: requester.subject,
    creation_policy_digest: api.policyDigest,
    status,
    denied_by: wanted.deniedBy,
    round: 1,
    plan_digest: storedDigest,
    decision_digest: decisionDigest,
    requirement: jsonOf(requirement),
    risk: 'low',
    risk_reasons: JSON.stringify([`changes ${SECRET_OF_PLAN}`]),
    matched_rules: JSON.stringify([
      { id: 'usual', source: 'rules/usual.yaml:2', because: 'Every statement is looked at' },
    ]),
    summary: PLAN.summary,
    open_selectors: status === 'pending' ? [...selectors] : [],
    pending_since: createdAt,
    first_pending_at: createdAt,
    expires_at: new Date(createdAt.getTime() + 7_200_000),
    failure: wanted.failure ? JSON.stringify(wanted.failure) : null,
    is_break_glass: wanted.isBreakGlass ?? false,
    created_at: createdAt,
    updated_at: createdAt,
  };
  await insert(api, 'keyturn.request', values);
  const plan = { request: id, digest: storedDigest, body: JSON.stringify(PLAN), made_at: createdAt };
  await insert(api, 'keyturn.plan', plan);
  return { id, decisionDigest };
}

/** Stores an audit entry of a request. Answers its id in the log. */
export async function storeEntry(api: TestApi, request: string, type: LeafType): Promise<number> {
  const eventId = `${request}/${randomUUID()}`;
  const actor = { issuer: api.issuer.url, subject: 'agent-billing' };
  const pseudonym = pseudonymOf(api.context.keys.identity, actor);
  const next = await api.db.query<{ n: number }>(
    'select count(*)::int as n from audit.entry where request = $1',
    [request],
  );
  const text = leafText(
    {
      type,
      at: new Date().toISOString(),
      actor: { pseudonym, kind: 'agent', via: 'api' },
      intent_digest: null,
      decision_digest: null,
      policy_digest: null,
      facts: { found: SECRET_OF_PLAN },
      evidence: { grade: 'C', refs: [] },
      parts: { summary: SECRET_OF_PLAN },
    },
    {
      id: eventId,
      request,
      run: 'run',
      namespace: 'n',
      n: next.rows[0]?.n ?? 0,
      prev: null,
      nonce: '00',
      salts: { summary: 'ab' },
    },
  );
  await insert(api, 'audit.payload', {
    event_id: eventId,
    part: 'summary',
    salt: 'ab',
    body: JSON.stringify(SECRET_OF_PLAN),
  });
  await api.db.query('insert into audit.subject values ($1, $2) on conflict do nothing', [
    pseudonym,
    JSON.stringify(actor),
  ]);
  const inserted = await api.db.query<{ id: string }>(
    'insert into audit.entry (leaf) values ($1) returning id',
    [text],
  );
  return Number(inserted.rows[0]?.id);
}

/** Stores a counted decision of a person. */
export async function storeDecision(
  api: TestApi,
  request: string,
  decision: {
    person: string;
    verdict: 'approve' | 'deny' | 'defer';
    until?: Date;
    to?: string;
    reason?: string;
  },
): Promise<string> {
  const id = `dec_${base32(randomBytes(16))}`;
  const sealed = await sealed256(api, `${id}/reason`, decision.reason ?? 'because');
  await insert(api, 'keyturn.decision', {
    id,
    request,
    round: 1,
    person: decision.person,
    verdict: decision.verdict,
    at: new Date(),
    grade: 'C',
    seats: JSON.stringify([{ rule: 0, stage: 0 }]),
    reviewer_issuer: api.issuer.url,
    reviewer_subject: decision.person,
    channel: 'api',
    envelope: 'a.b.c',
    reason: sealed,
    defer_until: decision.until ?? null,
    defer_to: decision.to ?? null,
    outcome: 'counted',
    recorded_at: new Date(),
  });
  return id;
}

/** Tells listeners, as writers do after their commit. */
export async function announce(api: TestApi, request: string): Promise<void> {
  await api.db.query('select pg_notify($1, $2)', ['keyturn_change', request]);
}

function lineageOf(api: TestApi, { agent = 'agent-billing', onBehalfOf, lineage }: StoredRequest): Lineage {
  const issuer = api.issuer.url;
  if (lineage) return lineage;
  return [
    { role: 'requester', issuer, subject: agent },
    ...(onBehalfOf === undefined ? [] : [{ role: 'on_behalf_of' as const, issuer, subject: onBehalfOf }]),
    { role: 'owner', issuer, subject: 'ada' },
  ];
}

const INTENT = { action: 'postgres.execute', schema_version: 1, target: 'shop', mode: 'execute' as const };

function wordsOf({ statement = 'select 1' }: StoredRequest): Record<string, string> {
  return { statement };
}

async function envelopeOf(
  api: TestApi,
  {
    id,
    lineage,
    words,
  }: { readonly id: string; readonly lineage: Lineage; readonly words: Record<string, string> },
): Promise<string> {
  return signEnvelope(
    {
      kind: 'request',
      id,
      ...INTENT,
      arguments: await sealed256(api, `${id}/arguments`, words),
      claims: await sealed256(api, `${id}/claims`, { justification: 'so I was told' }),
      lineage: lineage.map(({ role, issuer, subject }) => ({ role, issuer, subject })),
      intent_digest: intentDigest({ ...INTENT, arguments: words }),
      policy_digest: api.policyDigest,
      issued_at: new Date().toISOString(),
    },
    api.context.keys.signing,
  );
}

function sealed256(api: TestApi, context: string, value: string | Record<string, string>): Promise<string> {
  return seal({ context, value, initializationVector: randomBytes(12) }, api.context.keys.sealing);
}

async function insert(api: TestApi, table: string, values: Record<string, unknown>): Promise<void> {
  const columns = Object.keys(values);
  const parameters = columns.map((_, index) => `$${index + 1}`);
  await api.db.query(
    `insert into ${table} (${columns.join(', ')}) values (${parameters.join(', ')})`,
    Object.values(values),
  );
}
