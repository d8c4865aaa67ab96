import type { BusinessCalendar } from '../../domain/calendar/calendar.ts';
import type { FreezeWindow } from '../../domain/calendar/freeze.ts';
import type { PolledRotation } from '../../domain/calendar/polled-rotation.ts';
import type { Rotation } from '../../domain/calendar/rotation.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import {
  defaultCalendarOf,
  type ActionDefinition,
  type CountingWindow,
  type PolicySet,
  type Rule,
  type Target,
} from '../../domain/policy/policy.ts';
import { ownRequirement, ownRules } from '../../domain/policy/reviewer-condition.ts';
import type { RuleRequirement, Stage } from '../../domain/request/requirement.ts';
import { DEFAULT_RISK, type RiskLine, type RiskPolicy, type TierTerms } from '../../domain/policy/risk.ts';
import type { PolicySources } from '../../policy-files/folder.ts';

/**
 * Files that compile to a set which a test has written by hand: what a compiled set says, in the words of policy files, as
 * JSON, which is YAML. What no file could say is lost, and every rule stands in the first line of a file of its own.
 */
export function sourcesOf(policy: PolicySet): PolicySources {
  const { people, agents, groups } = policy.directory;
  const files = {
    'keyturn.yaml': settingsOf(policy),
    'directory.yaml': { people, agents, groups: groups.map(groupOf) },
    ...named(policy.actions.map((action) => [`actions/${action.action}`, actionOf(action)])),
    ...named(policy.targets.map((target) => [`targets/${target.id}`, targetOf(target)])),
    ...named(ownRules(policy).map((rule) => [`rules/${rule.id}`, [ruleOf(rule)]])),
  };
  const texts = Object.entries(files).map(([file, content]) => [file, `${JSON.stringify(content)}\n`]);
  return { files: Object.fromEntries(texts) as Record<string, string>, environment: {} };
}

/** Two of one name are two files. */
function named(
  entries: readonly (readonly [name: string, content: unknown])[],
): Readonly<Record<string, unknown>> {
  const seen = new Set<string>();
  return Object.fromEntries(
    entries.map(([name, content], index) => {
      const file = seen.has(name) ? `${name}-${index}` : name;
      seen.add(name);
      return [`${file}.yaml`, content];
    }),
  );
}

function settingsOf(policy: PolicySet): unknown {
  const { version, environments, production, enums, defaults, operators, reviewers, tables } = policy;
  return {
    version,
    environments,
    ...some('production', production),
    enums,
    defaults: { effect: defaults.effect, require: requireOf(ownRequirement(defaults.require, reviewers)) },
    ...(reviewers === undefined ? {} : { reviewers }),
    risk: riskOf(policy.risk),
    windows: policy.windows.map(windowOf),
    ...(operators === undefined ? {} : { operators }),
    ...(tables === undefined ? {} : { tables: byId(tables, ({ id: _id, ...table }) => table) }),
    calendars: byId(policy.calendars, calendarOf),
    ...defaultCalendar(policy),
    freezes: policy.freezes.map(freezeOf),
    selectors: { oncall: oncallOf(policy) },
  };
}

/** Files with several calendars say which one they mean, also where a set need not. */
function defaultCalendar(policy: PolicySet): Readonly<Record<string, unknown>> {
  const calendar = policy.calendars.length > 1 ? defaultCalendarOf(policy)?.id : policy.default_calendar;
  return calendar === undefined ? {} : { calendar };
}

function byId<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  of: (entry: Entry) => unknown,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(entries.map((entry) => [entry.id, of(entry)]));
}

/** Files leave a list out where there is nothing to list. */
function some(key: string, list: readonly unknown[]): Readonly<Record<string, unknown>> {
  return list.length === 0 ? {} : { [key]: list };
}

/** Files know whole seconds. */
function duration(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

/** Lines as they are built in are never written out: they need not fit the catalogue. */
function riskOf({ lines, tiers, demands }: RiskPolicy): unknown {
  const isBuiltIn = digestOf(lines) === digestOf(DEFAULT_RISK.lines);
  const written = Object.entries(demands).map(([tier, requirement]) => [tier, requirementOf(requirement)]);
  return { ...(isBuiltIn ? {} : { lines: lines.map(lineOf) }), tiers, demands: Object.fromEntries(written) };
}

function lineOf({ on, ...line }: RiskLine): unknown {
  if (on === undefined) return line;
  return { on: { action: on.action, ...(on.env === null ? {} : { env: on.env }) }, ...line };
}

function requirementOf({ maximum_age_ms: age, ...requirement }: TierTerms): unknown {
  return { ...requirement, ...(age === null ? {} : { maximum_age: duration(age) }) };
}

function windowOf({ id, action, over_ms, per, sum }: CountingWindow): unknown {
  return { id, action, over: duration(over_ms), per, ...(sum === null ? {} : { sum }) };
}

function calendarOf({ time_zone, week, holidays }: BusinessCalendar): unknown {
  const open = Object.entries(week).filter(([, hours]) => hours.length > 0);
  const written = open.map(([day, hours]) => [day, hours.map(({ from, to }) => `${from}-${to}`)]);
  return { time_zone, week: Object.fromEntries(written), holidays };
}

/** Files know no milliseconds either. */
function instant(written: string): string {
  return written.replace('.000Z', 'Z');
}

function freezeOf({ from, to, environments, actions, ...rest }: FreezeWindow): unknown {
  return {
    ...rest,
    from: instant(from),
    to: instant(to),
    ...(environments === null ? {} : { environments }),
    ...(actions === null ? {} : { actions }),
  };
}

function oncallOf({ rotations, polled_rotations: polled = [] }: PolicySet): unknown {
  return { ...byId(rotations, rotationOf), ...byId(polled, polledRotationOf) };
}

function polledRotationOf({ id: _id, maximum_staleness_ms: staleness, ...rest }: PolledRotation): unknown {
  return { ...rest, maximum_staleness: duration(staleness) };
}

function rotationOf({ id: _id, overrides, ...rest }: Rotation): unknown {
  return {
    ...rest,
    overrides: overrides.map(({ from, to, person }) => ({ from: instant(from), to: instant(to), person })),
  };
}

function groupOf({ maximum_age_ms: age, ...group }: PolicySet['directory']['groups'][number]): unknown {
  const { id, authority, claim, external_id: externalId } = group;
  if (authority === undefined) return group;
  if (externalId !== undefined) return { id, authority, external_id: externalId };
  const seen = { ...(claim === undefined ? {} : { claim }), ...(age ? { maximum_age: duration(age) } : {}) };
  return { id, authority, ...seen };
}

function actionOf({ connector, ...action }: ActionDefinition): unknown {
  return { ...action, ...(connector === null ? {} : { connector }) };
}

function targetOf({ connection, ...target }: Target): unknown {
  return { ...target, ...(Object.keys(connection).length === 0 ? {} : { connection }) };
}

function ruleOf({ source: _source, on, because, require, valid_for_ms: validForMs, ...rule }: Rule): unknown {
  const { action, env, target } = on;
  return {
    ...rule,
    on: { action, ...(env === null ? {} : { env }), ...(target ? { target } : {}) },
    ...(because === null ? {} : { because }),
    ...(validForMs === undefined ? {} : { valid_for: duration(validForMs) }),
    ...(require === null ? {} : { require: requireOf(require) }),
  };
}

function requireOf(require: RuleRequirement): unknown {
  const { stages, order, minimum_grade, is_reason_required, reviewer_when, clock } = require;
  return {
    stages: stages.map(stageOf),
    order,
    expires: duration(require.expires_ms),
    maximum_age: duration(require.maximum_age_ms),
    minimum_grade,
    ...(clock === undefined ? {} : { clock }),
    reviewer: {
      reason: is_reason_required ? 'required' : 'optional',
      ...(reviewer_when === undefined ? {} : { when: reviewer_when }),
    },
  };
}

function stageOf({ any, quorum, escalate }: Stage): unknown {
  const steps = escalate.map(({ after_ms, to }) => ({ after: duration(after_ms), to }));
  return { any, quorum, ...some('escalate', steps) };
}
