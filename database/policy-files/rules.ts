import type { Rule } from '../../domain/policy.ts';
import type { RuleRequirement } from '../../domain/requirement.ts';
import type { Fields } from './fields.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { CONDITIONS_REFUSED, readRequire, type RequireDefaults } from './require.ts';
import { checkVersion } from './settings.ts';
import type { Value } from './value.ts';

/** What rules are read with. */
export interface RuleContext {
  readonly names: Names;
  readonly defaults: RequireDefaults;
}

/** The rules of a file: a list, or a mapping with `rules` and, if wanted, the version. */
export function rulesOf(root: Value): readonly Value[] {
  if (root.isList()) return root.list();
  const fields = root.fields({ version: 'optional', rules: 'required' });
  checkVersion(fields.get('version'));
  return fields.list('rules');
}

/** Reads one rule. */
export function readRule(value: Value, context: RuleContext): Rule {
  const fields = value.fields({
    id: 'required',
    on: 'required',
    effect: 'required',
    because: 'optional',
    require: 'optional',
    replaces_default: 'optional',
    when: CONDITIONS_REFUSED,
    suggest: CONDITIONS_REFUSED,
    reviewer: { refused: 'belongs inside require' },
  });
  const id = declareId(fields, context.names);
  const on = readMatch(fields.get('on'), context.names);
  const effect = fields.get('effect')?.choice(['review', 'forbid', 'allow']);
  checkReplacesDefault(fields, effect);
  if (effect === 'allow') refuseAllowOnProduction(fields.get('effect') ?? value, on, context.names);
  return {
    id,
    on,
    effect: effect ?? 'review',
    because: fields.get('because')?.text() ?? null,
    require: readDemand(fields, { ...context, id, effect }),
    replaces_default: fields.flag('replaces_default', false),
    source: value.place(),
  };
}

function declareId(fields: Fields, names: Names): string {
  const id = fields.name('id');
  const at = fields.get('id') ?? fields.value;
  if (id === 'default') at.refuse("'default' is the name of the default requirement");
  else names.declare('rule', id, at);
  return id;
}

function readMatch(value: Value | undefined, names: Names): Rule['on'] {
  const fields = value?.fields({ action: 'required', env: 'optional' });
  const read = (key: string, kind: 'action' | 'environment'): readonly string[] => {
    const listed = fields?.names(key) ?? [];
    for (const name of listed) names.require(kind, name.text(), name);
    return listed.map((name) => name.text());
  };
  return { action: read('action', 'action'), env: fields?.get('env') ? read('env', 'environment') : null };
}

/** Replacing the default can loosen, so it must mean something where it is written. */
function checkReplacesDefault(fields: Fields, effect: Rule['effect'] | undefined): void {
  const value = fields.get('replaces_default');
  if (value?.flag() && effect !== undefined && effect !== 'review')
    value.refuse('only a review rule can replace the default requirement');
}

/** Without a condition such a rule would let every change of production through unseen. */
function refuseAllowOnProduction(at: Value, on: Rule['on'], names: Names): void {
  const environments = on.env ?? names.all('environment');
  const production = environments.filter((environment) => environment.startsWith('prod'));
  if (production.length === 0) return;
  const where = production.map(quote).join(', ');
  at.refuse(`an allow on ${where} needs a condition, and ${CONDITIONS_REFUSED.refused}`);
}

interface DemandContext extends RuleContext {
  readonly id: string;
  /** Undefined when the file does not say: what the rule must hold is then not known. */
  readonly effect: Rule['effect'] | undefined;
}

function readDemand(fields: Fields, context: DemandContext): RuleRequirement | null {
  const value = fields.get('require');
  const { effect } = context;
  if (effect === 'allow' || effect === 'forbid') {
    value?.refuse(`a rule with effect ${effect} asks nobody: remove require`);
    return null;
  }
  if (value) return readRequire(value, { ...context, rule: context.id });
  if (effect === 'review')
    fields.get('effect')?.refuse("a review rule must say whom it asks: missing 'require'");
  return null;
}
