import type { PolicySet } from '../../domain/policy.ts';
import { readCalendars } from './calendars.ts';
import { readFreezes } from './freezes.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import { BUILT_IN_DEFAULTS, readRequire } from './require.ts';
import { readRotations } from './rotations.ts';
import type { Value } from './value.ts';

/** The version of the file format. */
export const FORMAT_VERSION = 'keyturn/v1';

/** What `keyturn.yaml` says. */
export type Settings = Pick<
  PolicySet,
  'version' | 'environments' | 'defaults' | 'calendars' | 'freezes' | 'rotations'
>;

/** Stands in for a `keyturn.yaml` that could not be read; a set with a problem is never used. */
export const NO_SETTINGS: Settings = {
  version: FORMAT_VERSION,
  environments: [],
  defaults: {
    effect: 'review',
    require: { ...BUILT_IN_DEFAULTS, rule: 'default', stages: [], is_reason_required: false },
  },
  calendars: [],
  freezes: [],
  rotations: [],
};

const LATER = { refused: 'not supported by this version' };

/**
 * Reads `keyturn.yaml`. The directory and the actions must have been read: the default requirement, rotations and freezes
 * name what these declare.
 */
export function readSettings(root: Value, names: Names): Settings {
  const fields = root.fields({
    version: 'required',
    environments: 'required',
    defaults: 'required',
    calendars: 'optional',
    freezes: 'optional',
    enums: LATER,
    selectors: 'optional',
  });
  checkVersion(fields.get('version'));
  const environments = fields.names('environments').map((value) => {
    const environment = value.name();
    names.allow('environment', environment);
    return environment;
  });
  const calendars = readCalendars(fields.get('calendars'), names);
  const selectors = fields.get('selectors');
  if (selectors && !selectors.isMapping()) names.markIncomplete('rotation');
  const rotations = readRotations(selectors?.fields({ oncall: 'optional' }).get('oncall'), names);
  return {
    version: FORMAT_VERSION,
    environments,
    // After the rotations, which its selectors may name.
    defaults: readDefaults(fields.get('defaults'), names),
    calendars,
    freezes: readFreezes(fields.get('freezes'), { names, calendars }),
    rotations,
  };
}

/** Another version may give the same keys another meaning: nothing of it is guessed. */
export function checkVersion(value: Value | undefined): void {
  const version = value?.text() ?? '';
  if (version !== '' && version !== FORMAT_VERSION) {
    value?.refuse(`${quote(version)} is not a known version: write ${FORMAT_VERSION}`);
  }
}

function readDefaults(value: Value | undefined, names: Names): Settings['defaults'] {
  const fields = value?.fields({ effect: 'required', require: 'required' });
  const require = fields?.get('require');
  const context = { rule: 'default', names, defaults: BUILT_IN_DEFAULTS };
  return {
    effect: fields?.get('effect')?.choice(['review', 'forbid']) ?? 'review',
    require: require ? readRequire(require, context) : NO_SETTINGS.defaults.require,
  };
}
