import { z } from 'zod';

import { LEAF_BYTES_MAX, LEAF_TYPES, type Leaf, type LeafType } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { CountedDecision } from '../../approval/quorum.ts';
import type { Requirement } from '../../request/requirement.ts';
import { evidenceContents } from '../../../contract/evidence.ts';

/** What a server hands out so that anybody can check a request without trusting the server. */
export const evidenceSchema = z.object({ request: z.string(), ...evidenceContents });

/** The evidence of one request. */
export type Evidence = z.infer<typeof evidenceSchema>;

const digest = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const instant = z.iso.datetime();
const grade = z.enum(['A', 'B', 'C', 'D']);

const leafSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().min(1),
  stream: z.strictObject({ request: z.string(), run: z.string() }),
  n: z.int().min(0),
  prev: digest.nullable(),
  type: z.enum(LEAF_TYPES),
  at: instant,
  after: z.null(),
  actor: z.strictObject({
    pseudonym: z.string(),
    kind: z.enum(['person', 'agent', 'system']),
    via: z.string(),
  }),
  intent_digest: digest.nullable(),
  decision_digest: digest.nullable(),
  policy: z.strictObject({ digest: z.string() }).nullable(),
  facts: z.record(z.string(), z.json()),
  evidence: z.strictObject({ grade, refs: z.array(z.string()) }).nullable(),
  temporal: z.strictObject({ namespace: z.string(), workflow: z.string(), run: z.string() }),
  commit: z.record(z.string(), z.string()),
  nonce: z.string().min(1),
}) satisfies z.ZodType<Leaf>;

const selector = z.union([
  z.literal('owners'),
  z.templateLiteral(['group:', z.string()]),
  z.templateLiteral(['user:', z.string()]),
  z.templateLiteral(['oncall:', z.string()]),
]);

const requirementSchema = z.object({
  risk: z.enum(['low', 'medium', 'high', 'critical']),
  distinct_people: z.int().min(1),
  rules: z.array(
    z.object({
      rule: z.string(),
      stages: z.array(
        z.object({
          any: z.array(selector),
          quorum: z.int().min(1),
          escalate: z.array(z.object({ after_ms: z.number(), to: selector })),
        }),
      ),
      order: z.enum(['parallel', 'sequential']),
      expires_ms: z.number(),
      maximum_age_ms: z.number(),
      minimum_grade: grade,
      is_reason_required: z.boolean(),
      reviewer_when: z.string().exactOptional(),
      clock: z.string().exactOptional(),
    }),
  ),
  channels: z.enum(['summary', 'link']).exactOptional(),
}) satisfies z.ZodType<Requirement>;

const pendingFactsSchema = z.object({
  round: z.int(),
  requirement: requirementSchema,
  plan_digest: z.string(),
  pending_since: instant,
  expires_at: instant,
  lineage_persons: z.array(z.string()),
});

const decisionFactsSchema = z.object({
  decision: z.string(),
  person: z.string(),
  verdict: z.enum(['approve', 'deny', 'defer', 'take_back']),
  takes_back: z.string().exactOptional(),
  at: instant,
  seats: z.array(z.object({ rule: z.int(), stage: z.int(), after_ms: z.number().exactOptional() })),
  round: z.int(),
  channel: z.string(),
});

/** A `request.pending` entry: what people were asked. */
export interface PendingLeaf extends z.infer<typeof pendingFactsSchema> {
  readonly leaf: Leaf;
}

/** A `decision.counted`, `decision.deferred` or `decision.taken_back` entry: what a person answered. */
export interface DecisionLeaf extends z.infer<typeof decisionFactsSchema> {
  readonly leaf: Leaf;
}

/** Evidence, parsed as far as it can be. What cannot be parsed is named in `problems` and never silently dropped. */
export interface Material {
  readonly evidence: Evidence;
  /** Every readable entry with its exact text, in the order given. */
  readonly entries: readonly { readonly text: string; readonly leaf: Leaf }[];
  /** The entries of the run that received the request. */
  readonly stream: readonly Leaf[];
  readonly pendings: readonly PendingLeaf[];
  readonly decisions: readonly DecisionLeaf[];
  readonly problems: { readonly form: readonly string[]; readonly facts: readonly string[] };
}

/** Parses evidence for the checks. Never throws for what the evidence holds. */
export function readMaterial(evidence: Evidence): Material {
  const form: string[] = [];
  const entries = evidence.leaves.flatMap((text, index) => {
    const leaf = readLeaf(text, (problem) => form.push(`entry ${index}: ${problem}`));
    return leaf ? [{ text, leaf }] : [];
  });
  const all = entries.map((entry) => entry.leaf);
  const run = (all.find((leaf) => leaf.type === 'request.received') ?? all[0])?.stream.run;
  const stream = all.filter((leaf) => leaf.stream.run === run);
  const facts: string[] = [];
  const pendings = readFacts(stream, {
    types: ['request.pending'],
    schema: pendingFactsSchema,
    problems: facts,
  });
  const decisions = readFacts(stream, {
    types: ['decision.counted', 'decision.deferred', 'decision.taken_back'],
    schema: decisionFactsSchema,
    problems: facts,
  });
  return { evidence, entries, stream, pendings, decisions, problems: { form, facts } };
}

/** The entry that a text is; null where it is none, and then `report` is given the reasons. */
export function readLeaf(text: string, report: (problem: string) => void = () => undefined): Leaf | null {
  if (Buffer.byteLength(text, 'utf8') > LEAF_BYTES_MAX) report(`is larger than ${LEAF_BYTES_MAX} bytes`);
  const value = parseCanonical(text, report);
  const leaf = leafSchema.safeParse(value);
  if (leaf.success) return leaf.data;
  if (value !== undefined)
    report(`is not an audit entry (${leaf.error.issues[0]?.path.join('.') ?? 'unknown form'})`);
  return null;
}

function parseCanonical(text: string, report: (problem: string) => void): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (canonicalJson(value) !== text) report('is not in canonical form');
    return value;
  } catch {
    report('is not canonical JSON');
    return undefined;
  }
}

interface FactsReading<Facts> {
  readonly types: readonly LeafType[];
  readonly schema: z.ZodType<Facts>;
  readonly problems: string[];
}

function readFacts<Facts>(
  stream: readonly Leaf[],
  { types, schema, problems }: FactsReading<Facts>,
): (Facts & { readonly leaf: Leaf })[] {
  return stream
    .filter((leaf) => types.includes(leaf.type))
    .flatMap((leaf) => {
      const facts = schema.safeParse(leaf.facts);
      if (facts.success) return [{ ...facts.data, leaf }];
      problems.push(`${nameOf(leaf)} lacks facts (${facts.error.issues[0]?.path.join('.') ?? ''})`);
      return [];
    });
}

/** How a finding names an entry: `entry 3 (request.pending)`. */
export function nameOf(leaf: Leaf): string {
  return `entry ${leaf.n} (${leaf.type})`;
}

/** True for the entries by which people are asked, or policy lets it through. */
export function opensRound({ type }: Leaf): boolean {
  return type === 'request.pending' || type === 'request.allowed';
}

/** The last `request.pending` entry of the round before an entry: what was asked at that moment. */
export function pendingBefore(material: Material, round: unknown, n: number): PendingLeaf | undefined {
  return material.pendings.filter((pending) => pending.round === round && pending.leaf.n < n).at(-1);
}

/** The decisions of a round recorded before an entry, as the tally takes them. */
export function countedBefore(material: Material, round: unknown, n: number): CountedDecision[] {
  return material.decisions
    .filter((decision) => decision.round === round && decision.leaf.n < n)
    .map((decision) => ({
      id: decision.decision,
      person: decision.person,
      verdict: decision.verdict,
      ...(decision.takes_back === undefined ? {} : { takes_back: decision.takes_back }),
      at: decision.at,
      grade: decision.leaf.evidence?.grade ?? 'D',
      seats: decision.seats,
    }));
}
