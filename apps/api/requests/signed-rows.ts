import { z } from 'zod';

import { readRoundEntries, type RoundEntries } from '../../../database/round-entries.ts';
import { intactPlan, readIntactPlan } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { Leaf } from '../../../domain/audit/leaf.ts';
import { openEnvelope } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { GATE_RUN } from '../../../domain/execution/gate-validity.ts';
import type { StoredPlan } from '../../../domain/request/plan.ts';
import type { Requirement } from '../../../domain/request/requirement.ts';
import type { ApiContext } from '../context.ts';
import { unrecordedRow } from './load.ts';
import type { ShownRow, ShownRule } from './shown-row.ts';
import { unlessUnreadable } from './unreadable.ts';

type Reading = Pick<ApiContext, 'source' | 'policies' | 'keys' | 'log'>;

/**
 * Rows as people may read them: what was signed comes from the envelope, and what is required and why from the entry that
 * opened the round. So changing a row alone does not change what reviewers see. Null for one whose envelope is not its
 * own, and for one that cannot be read.
 */
export async function rowsAsSigned(
  context: Reading,
  rows: readonly RequestRow[],
): Promise<readonly (ShownRow | null)[]> {
  // The others are made from their envelopes anyway, and have no entries of a workflow.
  const recorded = rows.filter(isRecorded);
  const entries =
    recorded.length === 0 ? new Map() : await readRoundEntries(context.source.manager, recorded);
  return Promise.all(
    rows.map(async (row) =>
      isRecorded(row)
        ? unlessUnreadable(context, row.id, () => asSigned(context, row, entries.get(row.id) ?? {}))
        : row,
    ),
  );
}

/** The same of one row. Refuses (`envelope_invalid`) one whose envelope is not its own. */
export async function rowAsSigned(context: Reading, row: RequestRow): Promise<ShownRow> {
  const [bound] = await rowsAsSigned(context, [row]);
  if (bound) return bound;
  throw notAsSigned();
}

function notAsSigned(): KeyturnError {
  return new KeyturnError('envelope_invalid', 'The stored request does not match what was signed.');
}

/** The same with its plan, by one statement. Refuses (`plan_altered`) one that is not what its digest names. */
export async function rowWithPlan(
  context: Reading,
  known: RequestRow,
): Promise<{ readonly row: ShownRow; readonly plan: StoredPlan | null }> {
  if (!isRecorded(known)) return { row: known, plan: null };
  const { manager } = context.source;
  const entries = (await readRoundEntries(manager, [known], { hasPlans: true })).get(known.id) ?? {};
  const row = await unlessUnreadable(context, known.id, () => asSigned(context, known, entries));
  if (!row) throw notAsSigned();
  const { plan_digest: digest } = row;
  if (digest === null) return { row, plan: null };
  const { plan } = entries;
  // The entry that opened the round may name another plan than the row.
  if (plan?.digest === digest) return { row, plan: intactPlan(plan).body };
  return { row, plan: (await readIntactPlan(manager, known.id, digest))?.body ?? null };
}

function isRecorded({ version, run_id: run }: RequestRow): boolean {
  return version !== '0' && run !== GATE_RUN;
}

async function asSigned(context: Reading, row: RequestRow, entries: RoundEntries): Promise<ShownRow | null> {
  const signed = await signedColumns(context, row);
  return (
    signed && { ...row, ...signed, ...roundColumns(entries), ...(await ruleColumns(context, row, entries)) }
  );
}

async function signedColumns(context: Reading, row: RequestRow): Promise<Partial<ShownRow> | null> {
  const { id, envelope } = row;
  try {
    const signed = await openEnvelope('request', envelope, context.keys.verification);
    if (signed.id !== id) throw new KeyturnError('envelope_invalid', 'It was signed for another request.');
    const { action, schema_version, target, environment, mode, intent_digest, ...others } =
      await unrecordedRow(context, { signed, envelope });
    const { lineage, requester_issuer, requester_subject, start } = others;
    const requester = { lineage, requester_issuer, requester_subject };
    return {
      action,
      schema_version,
      target,
      environment,
      mode,
      intent_digest,
      ...requester,
      ...(start && { start }),
    };
  } catch (err) {
    context.log.error(
      { request: id, err },
      'a stored request does not match what was signed: it is not shown',
    );
    return null;
  }
}

const riskSchema = z.enum(['low', 'medium', 'high', 'critical']);

const openedSchema = z.object({
  risk: riskSchema.optional(),
  risk_reasons: z.array(z.string()),
  requirement: z.object({ risk: riskSchema }).loose().optional(),
  pending_since: z.iso.datetime().optional(),
  expires_at: z.iso.datetime().optional(),
  plan_digest: z.string(),
  is_break_glass: z.boolean().default(false),
});

function roundColumns(entries: RoundEntries): Partial<RequestRow> {
  const facts = openedSchema.safeParse(entries.opened?.facts).data;
  if (!facts) return {};
  const { risk, requirement, pending_since, expires_at, ...always } = facts;
  const columns = { ...always, summary: entries.summary ?? null, ...(risk === undefined ? {} : { risk }) };
  if (!requirement || pending_since === undefined || expires_at === undefined) return columns;
  return {
    ...columns,
    requirement: requirement as unknown as Requirement,
    risk: requirement.risk,
    pending_since: new Date(pending_since),
    expires_at: new Date(expires_at),
  };
}

/** The rules that the entry names, each as the policy of the entry has it. */
async function ruleColumns(
  context: Reading,
  row: RequestRow,
  { evaluated }: RoundEntries,
): Promise<Pick<ShownRow, 'matched_rules'>> {
  const stored = row.matched_rules?.map(({ id, source, because }) => ({ id, source, because })) ?? null;
  const names = z.array(z.string()).safeParse(evaluated?.facts['matched_rules']).data;
  if (!evaluated || !names) return { matched_rules: stored };
  const rules = await rulesOf(context, evaluated);
  const known = new Map<string, ShownRule>([...(stored ?? []), ...rules].map((rule) => [rule.id, rule]));
  const matched = names.map((id) => {
    const { source = '', because = null, effect, on, when } = known.get(id) ?? {};
    return {
      id,
      source,
      because,
      ...(effect === undefined ? {} : { effect }),
      ...(on === undefined ? {} : { on }),
      ...(when === undefined ? {} : { when }),
    };
  });
  return { matched_rules: matched };
}

async function rulesOf({ policies, source }: Reading, { policy }: Leaf): Promise<readonly ShownRule[]> {
  if (policy === null) return [];
  const { rules } = await policies.byDigest(source.manager, policy.digest);
  return rules;
}
