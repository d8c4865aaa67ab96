import type { requirementInWords, ruleInWords } from './rules.ts';

type RuleInWords = ReturnType<typeof ruleInWords>;
type RequirementInWords = ReturnType<typeof requirementInWords>;

/** One thing that a rule says, before and after a change. */
export interface RuleWordsChange {
  readonly what: 'what it does' | 'condition' | 'who must agree' | 'terms' | 'reason' | 'notes';
  /** Null: it said nothing of it, or there was no such rule. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What a change makes of a rule, in words: only what differs, of a rule that is added or removed all of it. */
export function ruleWordsChanges(
  before: RuleInWords | null,
  after: RuleInWords | null,
): readonly RuleWordsChange[] {
  const [old, fresh] = [saidBy(before), saidBy(after)];
  const names = Object.keys(old) as RuleWordsChange['what'][];
  return names
    .map((what) => ({ what, before: old[what], after: fresh[what] }))
    .filter((said) => said.before !== said.after);
}

/** The same of a requirement that stands alone, as that of the default does. */
export function requirementWordsChanges(
  before: RequirementInWords,
  after: RequirementInWords,
): readonly RuleWordsChange[] {
  const said: readonly RuleWordsChange[] = [
    { what: 'who must agree', before: seatsOf(before), after: seatsOf(after) },
    { what: 'terms', before: termsOf(before), after: termsOf(after) },
  ];
  return said.filter((one) => one.before !== one.after);
}

function saidBy(rule: RuleInWords | null): Readonly<Record<RuleWordsChange['what'], string | null>> {
  return {
    'what it does': rule && rule.scope,
    condition: rule && (rule.when ?? 'always'),
    'who must agree': rule && seatsOf(rule.requirement),
    terms: rule?.requirement ? termsOf(rule.requirement) : null,
    reason: rule && rule.because,
    notes: rule && (rule.notes.length === 0 ? null : rule.notes.join('; ')),
  };
}

function seatsOf(requirement: RequirementInWords | null): string {
  if (requirement === null) return 'nobody';
  const { stages, order } = requirement;
  const seats = stages.map(({ words, escalations }) =>
    [words, ...escalations.map((to) => `also ${to}`)].join(', '),
  );
  return seats.join(order === 'sequential' ? '; then ' : '; and ');
}

function termsOf({ terms }: RequirementInWords): string {
  return terms.join('; ');
}
