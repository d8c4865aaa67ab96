import { KEYS } from './keys.ts';
import type { Directory } from '../domain/identity/directory.ts';
import { LIFTS_NEEDED, operatorsOf } from '../domain/execution/kill-switch.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { Selector } from '../domain/request/requirement.ts';
import { readCalendars } from './calendars.ts';
import { readFreezes } from './freezes.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { BUILT_IN_DEFAULTS, readRequire, readReviewerCondition } from './require.ts';
import { readRotations } from './rotations.ts';
import { readNamedSelector } from './selector.ts';
import { readTables } from './tables.ts';
import type { Value } from './value.ts';

export const FORMAT_VERSION = 'keyturn/v1';

type Settings = Omit<PolicySet, 'actions' | 'targets' | 'directory' | 'windows' | 'risk' | 'rules'>;

/** Replaces a `keyturn.yaml` that could not be read; a set with a problem is never used. */
export const NO_SETTINGS: Settings = {
  version: FORMAT_VERSION,
  environments: [],
  production: [],
  enums: {},
  defaults: {
    effect: 'review',
    require: { ...BUILT_IN_DEFAULTS, rule: 'default', stages: [], is_reason_required: false },
  },
  calendars: [],
  freezes: [],
  rotations: [],
};

/** `keyturn.yaml`, opened. Risk and windows are read once the catalogue is known. */
export interface SettingsFile {
  readonly settings: Settings;
  readonly risk: Value | undefined;
  readonly windows: readonly Value[];
  /** Conditions that read `calendar` would not say which of the calendars they mean. */
  readonly isCalendarOpen: boolean;
}

/**
 * Reads `keyturn.yaml`. The directory and the actions must have been read: the default requirement, rotations and freezes
 * name what these declare.
 */
export function readSettings(root: Value, names: Names, directory: Directory): SettingsFile {
  const fields = root.fields(KEYS['keyturn.yaml']);
  checkVersion(fields.get('version'));
  const environments = fields.names('environments').map((value) => {
    const environment = value.name();
    names.allow('environment', environment);
    return environment;
  });
  const calendars = readCalendars(fields.get('calendars'), names);
  const selectors = fields.get('selectors');
  if (selectors && !selectors.isMapping()) names.markIncomplete('rotation');
  const reviewers = readReviewers(fields.get('reviewers'), names);
  const rotations = readRotations(selectors?.fields(KEYS['selectors']).get('oncall'), names);
  const settings: Settings = {
    version: FORMAT_VERSION,
    environments,
    production: readProduction(fields.get('production'), { environments, names }),
    enums: readEnums(fields.get('enums')),
    // After the rotations, which its selectors may name.
    defaults: readDefaults(fields.get('defaults'), names, reviewers),
    ...(reviewers === undefined ? {} : { reviewers }),
    calendars,
    ...readDefaultCalendar(fields.get('calendar'), calendars, names),
    freezes: readFreezes(fields.get('freezes'), { names, calendars }),
    ...rotations,
    ...readOperators(fields.get('operators'), names, directory),
    ...readAuditors(fields.get('auditors'), names),
    ...readTables(fields.get('tables'), names),
  };
  return {
    settings,
    risk: fields.get('risk'),
    windows: fields.get('windows')?.list() ?? [],
    isCalendarOpen: calendars.length > 1 && fields.get('calendar') === undefined,
  };
}

/** Left out of the set if it is the first one, as in older sets, so that naming it changes nothing. */
function readDefaultCalendar(
  value: Value | undefined,
  calendars: Settings['calendars'],
  names: Names,
): Pick<Settings, 'default_calendar'> {
  if (!value) return {};
  const name = value.name();
  names.require('calendar', name, value);
  return name === calendars[0]?.id ? {} : { default_calendar: name };
}

/** By default a name that starts with "prod" is production: better one too many. */
function readProduction(
  value: Value | undefined,
  { environments, names }: { readonly environments: readonly string[]; readonly names: Names },
): readonly string[] {
  if (!value) return environments.filter((environment) => environment.startsWith('prod'));
  return value.names().map((name) => names.read('environment', name));
}

function readEnums(value: Value | undefined): Settings['enums'] {
  const pairs = value?.pairs() ?? [];
  return Object.fromEntries(
    pairs.map((pair) => [pair.key.name(), pair.value.names().map((word) => word.text())]),
  );
}

/** Reads `operators`: who may engage and release kill switches. Left out, nobody may. */
function readOperators(
  value: Value | undefined,
  names: Names,
  directory: Directory,
): Pick<PolicySet, 'operators'> {
  if (value === undefined) return {};
  const entries = value.names();
  const operators = entries.map((entry) => readOffice(entry, names, 'operators'));
  // What could not be read was already reported.
  const isReadable = entries.length > 0 && !operators.includes('owners') && directory.people.length > 0;
  if (isReadable && operatorsOf(operators, directory).length < LIFTS_NEEDED) {
    value.refuse(`fewer than ${LIFTS_NEEDED} active people: a kill switch could be thrown, but not lifted`);
  }
  return { operators };
}

/** Reads `auditors`: who may read everything. Left out, nobody may beside those whom a request names. */
function readAuditors(value: Value | undefined, names: Names): Pick<PolicySet, 'auditors'> {
  if (value === undefined) return {};
  return { auditors: value.names().map((entry) => readOffice(entry, names, 'auditors')) };
}

/** Who may stop everything, or read everything, must not depend on the hour. */
function readOffice(entry: Value, names: Names, office: 'operators' | 'auditors'): Selector {
  if (entry.text().startsWith('oncall:')) {
    entry.refuse(`${office} are named by group: or user:, not by who is on call`);
    return 'owners';
  }
  return readNamedSelector(entry, names);
}

/** Another version may give the same keys another meaning: nothing of it is guessed. */
export function checkVersion(value: Value | undefined): void {
  const version = value?.text() ?? '';
  if (version !== '' && version !== FORMAT_VERSION) {
    value?.refuse(`${quote(version)} is not a known version: write ${FORMAT_VERSION}`);
  }
}

/** What all reviewers must meet. It becomes part of what each rule, and the default, requires. */
function readReviewers(value: Value | undefined, names: Names): Settings['reviewers'] {
  if (!value) return undefined;
  const fields = value.fields(KEYS['reviewers']);
  const condition = fields.get('when');
  return { when: condition ? readReviewerCondition(condition, names) : '', because: fields.text('because') };
}

function readDefaults(
  value: Value | undefined,
  names: Names,
  reviewers: Settings['reviewers'],
): Settings['defaults'] {
  const fields = value?.fields(KEYS['defaults']);
  const require = fields?.get('require');
  const context = { rule: 'default', names, defaults: BUILT_IN_DEFAULTS, reviewers };
  return {
    effect: fields?.get('effect')?.choice(['review', 'forbid']) ?? 'review',
    require: require ? readRequire(require, context) : NO_SETTINGS.defaults.require,
  };
}
