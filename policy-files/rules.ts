import { KEYS } from './keys.ts';
import { VALID_FOR_MS_MAX } from '../domain/execution/gate-validity.ts';
import { isOwnAction, type PolicySet, type Rule } from '../domain/policy/policy.ts';
import type { RuleRequirement } from '../domain/request/requirement.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { readCondition, typesOn, type TypesByAction } from './conditions.ts';
import { readMatch } from './match.ts';
import { readInstead } from './instead.ts';
import { readRequire, type RequireDefaults } from './require.ts';
import { checkVersion } from './settings.ts';
import type { Fields, Value } from './value.ts';

export interface RuleContext {
  readonly names: Names;
  readonly defaults: RequireDefaults;
  readonly reviewers: PolicySet['reviewers'];
  /** What conditions may read, for each action of the catalogue. */
  readonly types: TypesByAction;
  /** Environments in which nothing is allowed without a condition. */
  readonly production: readonly string[];
}

/** The rules of a file: a list, or a mapping with `rules` and, if wanted, the version. */
export function rulesOf(root: Value): readonly Value[] {
  if (root.isList()) return root.list();
  const fields = root.fields(KEYS['rules/*.yaml']);
  checkVersion(fields.get('version'));
  return fields.list('rules');
}

/** Reads one rule: two, where it says who stands in for whom, and when. */
export function readRule(value: Value, context: RuleContext): readonly Rule[] {
  const fields = value.fields(KEYS['rules']);
  const id = declareId(fields, context.names);
  const on = readMatch(fields.get('on'), context.names);
  const effect = fields.get('effect')?.choice(['review', 'forbid', 'allow']);
  checkFlags(fields, effect);
  const condition = readWhen(fields.get('when'), typesOn(on.action, context.types));
  if (effect === 'allow') checkAllow(fields, on, context);
  const validForMs = readValidFor(fields.get('valid_for'), effect);
  const rule: Rule = {
    id,
    on,
    ...condition,
    effect: effect ?? 'review',
    because: fields.get('because')?.text() ?? null,
    require: readRequirement(fields, { ...context, id, effect }),
    replaces_default: fields.flag('replaces_default', false),
    ...(fields.flag('break_glass', false) ? { break_glass: true } : {}),
    ...(fields.flag('yields_to_break_glass', false) ? { yields_to_break_glass: true } : {}),
    ...(validForMs === undefined ? {} : { valid_for_ms: validForMs }),
    source: value.location(),
  };
  const instead = fields.get('instead');
  return instead ? readInstead(instead, rule, context) : [rule];
}

function declareId(fields: Fields, names: Names): string {
  const id = fields.name('id');
  const at = fields.get('id') ?? fields.value;
  if (id === 'default') at.refuse("'default' is the name of the default requirement");
  else names.declare('rule', id, at);
  return id;
}

function readWhen(value: Value | undefined, types: TypesByAction): Pick<Rule, 'when'> {
  return value ? { when: readCondition(value, types) } : {};
}

/** Flags that can loosen mean something with one effect only. */
const FLAGS = [
  ['replaces_default', 'review', 'only a review rule can replace the default requirement'],
  ['break_glass', 'review', 'only a review rule can be a break-glass path: somebody always decides'],
  ['yields_to_break_glass', 'forbid', 'only a forbid rule can yield to a break-glass path'],
] as const;

function checkFlags(fields: Fields, effect: Rule['effect'] | undefined): void {
  for (const [key, wanted, message] of FLAGS) {
    const value = fields.get(key);
    if (value?.flag() && effect !== undefined && effect !== wanted) value.refuse(message);
  }
}

/** Only an allow is relied upon later without another call, so only an allow says for how long. */
function readValidFor(value: Value | undefined, effect: Rule['effect'] | undefined): number | undefined {
  if (!value) return undefined;
  const validForMs = value.durationMs();
  if (effect !== undefined && effect !== 'allow') value.refuse('only an allow rule has valid_for');
  if (validForMs > VALID_FOR_MS_MAX) value.refuse('an answer can be valid for 24h at most');
  return validForMs;
}

/** Without a condition such a rule would let every change of production through unseen. */
function checkAllow(fields: Fields, on: Rule['on'], { names, production }: RuleContext): void {
  const at = fields.get('effect') ?? fields.value;
  const own = on.action.filter(isOwnAction);
  if (own.length > 0)
    at.refuse(`${own.join(', ')} can never be allowed outright: rules change by the same rules`);
  if (fields.get('when')) return;
  const environments = on.env ?? names.all('environment');
  const open = environments.filter((environment) => production.includes(environment));
  if (open.length > 0) at.refuse(`an allow on ${open.map(quote).join(', ')} needs a condition (when)`);
}

interface RequirementContext extends RuleContext {
  readonly id: string;
  /** Undefined when the file does not say: what the rule must hold is then not known. */
  readonly effect: Rule['effect'] | undefined;
}

function readRequirement(fields: Fields, context: RequirementContext): RuleRequirement | null {
  const value = fields.get('require');
  const { effect } = context;
  if (effect === 'allow' || effect === 'forbid') {
    value?.refuse(`a rule with effect ${effect} has no reviewers: remove require`);
    return null;
  }
  if (value) return readRequire(value, { ...context, rule: context.id });
  if (effect === 'review') fields.get('effect')?.refuse("a review rule needs reviewers: missing 'require'");
  return null;
}
