import type { Directory } from '../../domain/directory.ts';
import type { PolicySet } from '../../domain/policy.ts';
import type { Names } from './names.ts';
import { readOperators } from './operators.ts';
import { quote } from './problem.ts';
import { BUILT_IN_DEFAULTS, readRequire } from './require.ts';
import type { Value } from './value.ts';

/** The version of the file format. */
export const FORMAT_VERSION = 'keyturn/v1';

/** What `keyturn.yaml` says. */
export type Settings = Pick<PolicySet, 'version' | 'environments' | 'defaults' | 'operators'>;

/** Stands in for a `keyturn.yaml` that could not be read; a set with a problem is never used. */
export const NO_SETTINGS: Settings = {
  version: FORMAT_VERSION,
  environments: [],
  defaults: {
    effect: 'review',
    require: { ...BUILT_IN_DEFAULTS, rule: 'default', stages: [], is_reason_required: false },
  },
};

const LATER = { refused: 'not supported by this version' };

/** Reads `keyturn.yaml`. The directory must have been read: the default requirement names its groups. */
export function readSettings(root: Value, names: Names, directory: Directory): Settings {
  const fields = root.fields({
    version: 'required',
    environments: 'required',
    defaults: 'required',
    operators: 'optional',
    calendars: LATER,
    enums: LATER,
    selectors: LATER,
  });
  checkVersion(fields.get('version'));
  const environments = fields.names('environments').map((value) => {
    const environment = value.name();
    names.allow('environment', environment);
    return environment;
  });
  return {
    version: FORMAT_VERSION,
    environments,
    defaults: readDefaults(fields.get('defaults'), names),
    ...readOperators(fields.get('operators'), names, directory),
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
