import type { JsonValue } from '../crypto/canonical-json.ts';
import { digestOf } from '../crypto/digest.ts';
import { onlyHoldsBack } from './freezes.ts';
import { showsNothingNew } from './readers.ts';
import { isOwnAction, type PolicySet, type Rule } from '../policy/policy.ts';
import { isNarrower, ownRequirement, ownRules } from '../policy/reviewer-condition.ts';

/**
 * `tightening` can only make policy stricter, `neutral` changes neither an outcome nor what anybody reads; everything
 * else is `loosening`.
 */
export type ChangeKind = 'neutral' | 'tightening' | 'loosening';

/** One difference between two policies. */
export interface PolicyChange {
  readonly kind: ChangeKind;
  /** What kind of thing changed: `rule`, `target`, `directory`, … */
  readonly what: string;
  /** Its name, or null where there is only one of it. */
  readonly name: string | null;
  readonly how: 'added' | 'removed' | 'edited';
  /** Where the rule stands in its files, or null for anything else. */
  readonly source: string | null;
  /** Why an added rule may let more through, in few words. */
  readonly because?: string;
}

/** A change of policy as a whole. */
export interface Classification {
  readonly kind: ChangeKind;
  readonly changes: readonly PolicyChange[];
}

/**
 * What kind of change leads from one policy to another, told from their structure alone: no facts, no traffic. It is
 * `tightening` only when the candidate is the base with forbid rules added, or review rules that neither replace the
 * default nor open a break-glass path nor show a plan to anybody new. Places in files are `neutral`. Whatever else
 * differs is `loosening`: also titles and reasons, by which reviewers know what they agree to, and fields that this
 * version does not know. Where it cannot be told, two people look.
 */
export function classifyChange(base: PolicySet, candidate: PolicySet): Classification {
  const changes = [
    ...ruleChanges(withOwnRules(base), withOwnRules(candidate)),
    ...reviewerChanges(base, candidate),
    ...freezeChanges(base, candidate),
    ...listChanges('action', 'action', [base.actions, candidate.actions]),
    ...listChanges('target', 'id', [base.targets, candidate.targets]),
    ...listChanges('window', 'id', [base.windows, candidate.windows]),
    ...defaultChanges(base, candidate),
    ...otherChanges(base, candidate),
  ];
  return { kind: worst(changes), changes };
}

/**
 * Whether two different people must agree to publish it: where it may loosen, and where it changes how rules change. A rule
 * about that concerns everybody, also one that only forbids, since it could close the way back; and so does what all reviewers
 * must meet, those of publications among them.
 */
export function needsTwoPeople(
  { base, candidate }: { readonly base: PolicySet; readonly candidate: PolicySet },
  kind: ChangeKind,
): boolean {
  if (kind === 'loosening' || !isSame(base.reviewers, candidate.reviewers)) return true;
  const known = new Set(base.rules.map(({ id }) => id));
  return candidate.rules.some(({ id, on }) => !known.has(id) && on.action.some(isOwnAction));
}

/** Why a policy that names no operators cannot follow on one that does; null where it names some, or there were none before. */
export function operatorsDropped(
  { operators: before = [] }: Pick<PolicySet, 'operators'>,
  { operators = [] }: Pick<PolicySet, 'operators'>,
): string | null {
  if (operators.length > 0 || before.length === 0) return null;
  return 'It names no operators, unlike the policy before it: nobody could stop anything or lift what is stopped.';
}

function worst(changes: readonly PolicyChange[]): ChangeKind {
  if (changes.some(({ kind }) => kind === 'loosening')) return 'loosening';
  return changes.some(({ kind }) => kind === 'tightening') ? 'tightening' : 'neutral';
}

type Pair<Value> = readonly [base: Value, candidate: Value];

function ruleChanges(base: PolicySet, candidate: PolicySet): readonly PolicyChange[] {
  const [old, fresh] = [byName(base.rules, 'id'), byName(candidate.rules, 'id')];
  if (!old || !fresh) return [change('loosening', { what: 'rule', how: 'edited' })];
  const removed = [...old].filter(([id]) => !fresh.has(id));
  const added = [...fresh].filter(([id]) => !old.has(id));
  const kept = [...fresh].flatMap(([id, rule]) => editOfRule(old.get(id), rule));
  return [
    ...removed.map(([, rule]) => changeOfRule('loosening', rule, 'removed')),
    ...added.map(([, rule]) => addedRule(base, rule)),
    ...kept,
  ];
}

function editOfRule(old: Rule | undefined, rule: Rule): readonly PolicyChange[] {
  if (!old || isSame(old, rule)) return [];
  const isMoved = isSame({ ...old, source: '' }, { ...rule, source: '' });
  return [changeOfRule(isMoved ? 'neutral' : 'loosening', rule, 'edited')];
}

/** A field that is not among these may open anything. */
const KNOWN_OF_RULES: ReadonlySet<string> = new Set([
  'id',
  'on',
  'when',
  'effect',
  'because',
  'require',
  'replaces_default',
  'yields_to_break_glass',
  'source',
]);

const KNOWN_OF_MATCHES: ReadonlySet<string> = new Set(['action', 'env', 'target']);

function addedRule(base: PolicySet, rule: Rule): PolicyChange {
  const because = whyLoosening(base, rule);
  return because === null
    ? changeOfRule('tightening', rule, 'added')
    : { ...changeOfRule('loosening', rule, 'added'), because };
}

/** Null where the rule tightens. One that yields to break-glass takes nothing from others: it only forbids less than it could. */
function whyLoosening(base: PolicySet, rule: Rule): string | null {
  const { break_glass: breakGlass = false, ...rest } = rule;
  const isKnown =
    Object.keys(rest).every((key) => KNOWN_OF_RULES.has(key)) &&
    Object.keys(rule.on).every((key) => KNOWN_OF_MATCHES.has(key));
  if (!isKnown) return 'has a field that this version does not know';
  if (breakGlass) return 'opens a shorter path for emergencies';
  if (rule.effect === 'forbid') return null;
  if (rule.effect === 'allow') return 'allows without an approval';
  if (rule.replaces_default) return 'its reviewers take the place of those of the default';
  return showsNothingNew(base, rule) ? null : 'may show a plan to people who could not read it before';
}

function changeOfRule(kind: ChangeKind, rule: Rule, how: PolicyChange['how']): PolicyChange {
  return { kind, what: 'rule', name: rule.id, how, source: rule.source };
}

/** Entries of the catalogue. */
function listChanges<Key extends string, Entry extends Readonly<Record<Key, string>>>(
  what: string,
  key: Key,
  [base, candidate]: Pair<readonly Entry[]>,
): readonly PolicyChange[] {
  const [old, fresh] = [byName(base, key), byName(candidate, key)];
  if (!old || !fresh) return [change('loosening', { what, how: 'edited' })];
  const names = [...new Set([...old.keys(), ...fresh.keys()])];
  return names.flatMap((name) => {
    const [before, after] = [old.get(name), fresh.get(name)];
    if (!before || !after) return [change('loosening', { what, name, how: before ? 'removed' : 'added' })];
    if (isSame(before, after)) return [];
    return [change('loosening', { what, name, how: 'edited' })];
  });
}

/** What all reviewers must meet is compared once, not once a rule. */
function withOwnRules(policy: PolicySet): PolicySet {
  return { ...policy, rules: ownRules(policy) };
}

/** Fewer people who may decide let nothing through that was held back. */
function reviewerChanges(base: PolicySet, candidate: PolicySet): readonly PolicyChange[] {
  const [old, fresh] = [base.reviewers, candidate.reviewers];
  if (isSame(old, fresh)) return [];
  const how = editOf(old, fresh);
  return [change(isNarrower(old, fresh) ? 'tightening' : 'loosening', { what: 'reviewers', how })];
}

function freezeChanges(base: PolicySet, candidate: PolicySet): readonly PolicyChange[] {
  const [old, fresh] = [base.freezes, candidate.freezes];
  const changes = listChanges('freeze', 'id', [old, fresh]);
  return changes.map((found) => {
    const added = found.how === 'added' ? fresh.find(({ id }) => id === found.name) : undefined;
    return added && onlyHoldsBack(added, [base, candidate]) ? { ...found, kind: 'tightening' } : found;
  });
}

function editOf(old: unknown, fresh: unknown): PolicyChange['how'] {
  if (old === undefined) return 'added';
  return fresh === undefined ? 'removed' : 'edited';
}

const COMPARED_BY_ENTRY: ReadonlySet<string> = new Set([
  'rules',
  'actions',
  'targets',
  'windows',
  'freezes',
  'reviewers',
  'defaults',
]);

/** Everything else of a policy, whatever it is: defaults, risk, groups, and what later versions add. */
function otherChanges(base: PolicySet, candidate: PolicySet): readonly PolicyChange[] {
  const [old, fresh] = [fieldsOf(base), fieldsOf(candidate)];
  const names = [...new Set([...old.keys(), ...fresh.keys()])].filter((name) => !COMPARED_BY_ENTRY.has(name));
  return names
    .filter((name) => !isSame(old.get(name), fresh.get(name)))
    .map((what) => change('loosening', { what, how: 'edited' }));
}

/** The default as its author wrote it. */
function defaultChanges(base: PolicySet, candidate: PolicySet): readonly PolicyChange[] {
  const [old, fresh] = [base, candidate].map(({ defaults, reviewers }) => ({
    ...defaults,
    require: ownRequirement(defaults.require, reviewers),
  }));
  return isSame(old, fresh) ? [] : [change('loosening', { what: 'defaults', how: 'edited' })];
}

function change(
  kind: ChangeKind,
  {
    what,
    name = null,
    how,
  }: { readonly what: string; readonly name?: string | null; readonly how: PolicyChange['how'] },
): PolicyChange {
  return { kind, what, name, how, source: null };
}

/** Null when a name occurs twice: then nothing can be told about it. */
function byName<Key extends string, Entry extends Readonly<Record<Key, string>>>(
  entries: readonly Entry[],
  key: Key,
): ReadonlyMap<string, Entry> | null {
  const map = new Map(entries.map((entry) => [entry[key] as string, entry]));
  return map.size === entries.length ? map : null;
}

function fieldsOf(value: object): ReadonlyMap<string, JsonValue> {
  return new Map(Object.entries(value as Readonly<Record<string, JsonValue>>));
}

/** Absent and present fields differ, also where they mean the same: no meaning is guessed here. */
function isSame(left: unknown, right: unknown): boolean {
  const wrapped = (value: unknown): unknown => (value === undefined ? [] : [value]);
  return digestOf(wrapped(left)) === digestOf(wrapped(right));
}
