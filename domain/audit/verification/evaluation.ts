import { z } from 'zod';

import type { Leaf } from '../leaf.ts';
import { canonicalJson, type JsonValue } from '../../crypto/canonical-json.ts';
import { intentDigest, requirementDigest } from '../../request/digests.ts';
import type { Directory } from '../../identity/directory.ts';
import type { SignedRequest } from '../../crypto/envelope.ts';
import { combinedRequirement } from '../../policy/combined-requirement.ts';
import { evaluate, type Evaluation } from '../../policy/evaluation.ts';
import { isOtherEngine } from '../../policy/explanation.ts';
import { actionOf, type PolicySet } from '../../policy/policy.ts';
import { mayStillAsk } from '../../execution/requester.ts';
import type { Requirement } from '../../request/requirement.ts';
import { recalledFacts, type PlanFacts, type StoredFacts } from '../../policy/built-in-facts.ts';
import { requestFacts } from '../../policy/request-facts.ts';
import { planOf } from './course.ts';
import { arrivedRequestOf } from './envelopes.ts';
import { nameOf, type Material } from './evidence.ts';
import { CLOCKS_APART_MS, found, type Answer, type Finding, type Subject } from './finding.ts';
import { isNamedBy, NO_INPUTS, policyNamed } from './inputs.ts';
import type { DirectoryPart, EvaluationInputs } from '../../../contract/evidence.ts';

/**
 * Policy, asked once more with what was recorded, says what the entries say: it allows what was allowed, demands what
 * people were asked, forbids what it denied. What it was asked with is held against the signed request, the plan and the
 * directory first, so that nobody can make facts up under which it would have said so.
 */
export function evaluationsRepeat(subject: Subject): Finding {
  const evaluated = subject.material.stream.filter(isEvaluated);
  const answers = evaluated.map((leaf) => [nameOf(leaf), answerOf(subject, leaf)] as const);
  return { ...found(answers, ':'), checked: `${evaluated.length} evaluated again` };
}

function isEvaluated(leaf: Leaf): boolean {
  if (leaf.type === 'request.denied') return leaf.facts['facts_digest'] !== undefined;
  return EVALUATED.has(leaf.type);
}

const EVALUATED: ReadonlySet<string> = new Set(['request.pending', 'request.allowed', 'gate.allowed']);

/** Everything that an evaluation is repeated with. */
interface Repetition {
  readonly material: Material;
  readonly leaf: Leaf;
  readonly policy: PolicySet;
  readonly facts: StoredFacts;
  readonly signed: SignedRequest;
  readonly directory: DirectoryPart;
}

function answerOf(subject: Subject, leaf: Leaf): Answer {
  const { inputs } = subject.material.evidence;
  if (!inputs) return { notShown: NO_INPUTS };
  const stored = inputs.facts.find(({ digest }) => digest === leaf.facts['facts_digest']);
  if (!stored) return { notShown: 'the facts that it was evaluated with are erased or not in the evidence' };
  if (!isNamedBy(stored.digest, stored.body))
    return { problem: 'the facts stored are not those that it names' };
  const repetition = repetitionOf(subject, leaf, stored);
  if (typeof repetition === 'string') return { notShown: repetition };
  const fault = notAsSigned(repetition);
  if (fault !== null) return { problem: fault };
  const difference = otherFacts(repetition) ?? otherOutcome(repetition);
  if (difference === null) return isByWord(repetition) ? { notShown: BY_WORD } : {};
  return isOtherEngine({ engine: stored.engine })
    ? { notShown: 'another version of the policy engine evaluated it, or made its facts' }
    : { problem: difference };
}

/** Or why it cannot be repeated. */
function repetitionOf(
  subject: Subject,
  leaf: Leaf,
  { body, directory }: EvaluationInputs['facts'][number],
): Repetition | string {
  const { material } = subject;
  const policy = policyNamed(material, leaf.policy?.digest);
  if (!policy) return 'the policy that it names is not in the evidence';
  const signed = arrivedRequestOf(subject);
  if (!signed) return 'the signed request is not in the evidence';
  if (!storedFactsSchema.safeParse(body).success) return 'its facts are of no known form';
  return { material, leaf, policy, facts: body as unknown as StoredFacts, signed, directory };
}

const storedFactsSchema = z.object({
  action: z.string(),
  target: z.string(),
  args: z.record(z.string(), z.json()),
  plan: z.record(z.string(), z.json()).nullable(),
  request: z.object({ mode: z.string(), break_glass: z.boolean() }),
  at: z.iso.datetime(),
});

/** What the facts of any version say as it was signed and when it was evaluated; null when they do. */
function notAsSigned(repetition: Repetition): string | null {
  const { facts, signed } = repetition;
  const { action, args, request, target } = facts;
  const { schema_version } = signed;
  const intent = { action, schema_version, target, arguments: args, mode: request.mode };
  if (intentDigest(intent) !== signed.intent_digest) return 'its facts are not about what was signed';
  if (request.break_glass !== (signed.break_glass ?? false))
    return 'its facts say otherwise whether it is an emergency';
  return isInTime(repetition) ? null : 'its facts are of another time';
}

/** What the facts say that this version makes otherwise of the directory and the plan; null when it makes the same. */
function otherFacts(repetition: Repetition): string | null {
  if (!isOfDirectory(repetition))
    return 'its facts name other people than the directory has behind the request';
  return isOfPlan(repetition) ? null : 'its facts are not those of its plan';
}

function isOfDirectory({ facts: { request }, signed, directory }: Repetition): boolean {
  const { lineage, mode, break_glass = false } = signed;
  const fresh: Readonly<Record<string, JsonValue>> = {
    ...requestFacts(directoryOf(directory), { mode, lineage, break_glass }),
  };
  return Object.entries(request).every(([name, value]) => formOf(value) === formOf(fresh[name]));
}

/** A part of the directory as the functions over directories take it. */
export function directoryOf({ people, agents, groups }: DirectoryPart): Directory {
  return {
    people: people.map(({ former_accounts: former, ...person }) => ({
      ...person,
      ...(former && { former_accounts: former }),
      name: '',
    })),
    agents: agents.map((agent) => ({ ...agent, name: '' })),
    groups,
  };
}

function isOfPlan({ material, leaf, facts, policy }: Repetition): boolean {
  const hasPlan = actionOf(policy, facts.action)?.connector !== null && leaf.type !== 'gate.allowed';
  if (facts.plan === null) return !hasPlan;
  const planned =
    planOf(material, leaf) ??
    material.stream.findLast(({ n, type }) => type === 'request.planned' && n < leaf.n);
  return hasPlan && planned !== undefined && isSamePlan(planned, facts.plan);
}

function isSamePlan(planned: Leaf, { names, ...risk }: PlanFacts): boolean {
  const effects = effectsSchema.safeParse(planned.facts['effects']);
  if (!effects.success || formOf(planned.facts['risk_facts']) !== formOf(risk)) return false;
  // Too many to stand in the entry: then the digest of the plan binds them.
  return effects.data === null || formOf(effects.data.map(({ resource }) => resource)) === formOf(names);
}

const effectsSchema = z.array(z.object({ resource: z.string() })).nullable();

/** Between the entry, which has the time of its step, and the next one; clocks may be a minute apart. */
function isInTime({ material, leaf, facts }: Repetition): boolean {
  const next = material.stream.find((other) => other.n > leaf.n);
  const atMs = Date.parse(facts.at);
  const isEarly = atMs < Date.parse(leaf.at) - CLOCKS_APART_MS;
  return !isEarly && (next === undefined || atMs <= Date.parse(next.at) + CLOCKS_APART_MS);
}

function formOf(value: unknown): string {
  return value === undefined ? '' : canonicalJson(value);
}

function otherOutcome({ material, leaf, policy, facts, signed, directory }: Repetition): string | null {
  const recalled = recalledFacts(policy, facts);
  if (!recalled) return 'the policy that it names does not know the target';
  const before = material.pendings.findLast((pending) => pending.leaf.n < leaf.n);
  const evaluation = evaluate(policy, recalled, 'planned');
  if (!isExplained(leaf, evaluation)) return 'policy gives other rules or reasons of risk than it names';
  if (leaf.type === 'request.denied') return wronglyDenied({ material, leaf, signed, directory }, evaluation);
  if (evaluation.effect === 'forbid') return 'policy forbids it';
  const required = combinedRequirement(before?.requirement ?? null, evaluation);
  if (leaf.type !== 'request.pending') return wronglyAllowed(leaf, evaluation, required !== null);
  return wronglyRequired(material, leaf, required);
}

const BY_WORD =
  'it is allowed by counts of other requests, or by who an argument names: neither is in the evidence';

const MANY = 1_000_000_000_000;

/** True of an allow that policy would not give after ever so many requests, or knowing nothing of whom arguments name. */
function isByWord({ leaf, policy, facts: { facts: _resolved, ...facts } }: Repetition): boolean {
  if (leaf.type !== 'request.allowed' && leaf.type !== 'gate.allowed') return false;
  const windows = policy.windows.map(({ id }) => [id, { count: MANY, sum: MANY }] as const);
  const history = { requests_24h: MANY, denials_24h: MANY, failures_24h: MANY };
  const recalled = recalledFacts(policy, { ...facts, history, windows: Object.fromEntries(windows) });
  return recalled !== null && evaluate(policy, recalled, 'planned').effect !== 'allow';
}

function wronglyRequired(material: Material, leaf: Leaf, required: Requirement | null): string | null {
  const pending = material.pendings.find((pending) => pending.leaf === leaf);
  if (!pending || required === null) return 'policy requires nobody';
  return requirementDigest(required) === requirementDigest(pending.requirement)
    ? null
    : 'policy requires something else than people were asked for';
}

/** What people read of why something waits or was allowed. A denial may be older than the plan. */
function isExplained({ type, facts }: Leaf, { rules, risk }: Evaluation): boolean {
  const ids = formOf(rules.map(({ id }) => id));
  if (type !== 'request.denied' && facts['risk'] !== risk.tier) return false;
  if (type === 'gate.allowed') {
    const named = rulesSchema.safeParse(facts['rules']);
    return named.success && formOf(named.data.map(({ id }) => id)) === ids;
  }
  return (
    type === 'request.denied' ||
    (formOf(facts['matched_rules']) === ids && formOf(facts['risk_reasons']) === formOf(risk.reasons))
  );
}

const rulesSchema = z.array(z.object({ id: z.string() }));

type Denial = Pick<Repetition, 'material' | 'leaf' | 'signed' | 'directory'>;

/** Each code of a denial that an evaluation was made for has its own reason. */
function wronglyDenied({ material, leaf, signed, directory }: Denial, { effect }: Evaluation): string | null {
  const { code } = leaf.facts;
  if (code === 'forbidden') return effect === 'forbid' ? null : 'policy does not forbid it';
  if (code !== 'requester_inactive') return 'it is denied for what no evaluation says';
  const atCreation = material.evidence.inputs?.directory_at_creation ?? directory;
  const directories = { now: directoryOf(directory), at_creation: directoryOf(atCreation) };
  return mayStillAsk(directories, signed) ? 'everybody behind it was active' : null;
}

function wronglyAllowed(leaf: Leaf, evaluation: Evaluation, isRequired: boolean): string | null {
  if (evaluation.effect !== 'allow' || isRequired) return 'policy does not allow it without people';
  const isDoubtful = leaf.type === 'gate.allowed' && evaluation.is_degraded;
  return isDoubtful ? 'policy could not be evaluated in full' : null;
}
