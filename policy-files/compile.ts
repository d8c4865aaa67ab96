import type { Digest } from '../domain/crypto/digest.ts';
import { isKeyturnError } from '../domain/errors.ts';
import {
  OWN_ACTIONS,
  OWN_TARGET,
  policyDigest,
  type ActionDefinition,
  type PolicySet,
} from '../domain/policy/policy.ts';
import { knownNamesOf, type AddNames } from '../domain/policy/known-names.ts';
import { riskFactTypes, ruleFactTypes, type FactTypes } from '../domain/policy/built-in-facts.ts';
import { DEFAULT_RISK } from '../domain/policy/risk.ts';
import { readAction, readTarget, type ActionEntry } from './catalogue.ts';
import { readDirectory } from './directory.ts';
import { withoutDefaultCalendar, type TypesByAction } from './conditions.ts';
import { readFolder, type PolicyFolder, type PolicySources } from './folder.ts';
import type { Environment, IssuerContext } from './issuers.ts';
import { Names } from './names.ts';
import { sortProblems, type PolicyProblem } from './problem.ts';
import { readFacts, readOwners, type LookupContext } from './resolvers.ts';
import { readRisk } from './risk.ts';
import { readRule } from './rules.ts';
import { NO_SETTINGS, readSettings } from './settings.ts';
import { parseFolder } from './sources.ts';
import { locatedWarnings, type LocatedWarning, type WarningRoots } from './warnings.ts';
import { readWindow } from './windows.ts';

export { formatProblem, type PolicyProblem } from './problem.ts';
export { formatWarning, type LocatedWarning } from './warnings.ts';

/** A whole policy, or everything that is wrong with the folder: nothing is loaded in part. */
export type PolicyLoadResult =
  | (CompiledPolicy & { readonly ok: true })
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** A policy that was compiled without any problem, with what it was compiled from. */
export interface CompiledPolicy {
  readonly policy: PolicySet;
  readonly digest: Digest;
  readonly sources: PolicySources;
  readonly warnings: readonly LocatedWarning[];
}

/**
 * Reads a policy folder and compiles it. Never throws for what the folder holds or lacks. The environment is used for
 * issuer aliases only.
 */
export async function loadPolicyFolder(
  directory: string,
  environment: Environment = process.env,
): Promise<PolicyLoadResult> {
  const folder = await readFolder(directory);
  // A folder that cannot be opened has one problem, not one for each file it does not show.
  if (folder.problems.length > 0 && folder.files.length === 0) return refuse(folder.problems);
  return compileFolder(folder, environment);
}

/** Compiles a folder that was read, or says everything that is wrong with it. */
export function compileFolder(folder: PolicyFolder, environment: Environment): PolicyLoadResult {
  const problems = [...folder.problems];
  const read: Record<string, string> = {};
  const variable = (name: string): string | undefined => {
    const value = environment[name];
    if (value) read[name] = value;
    return value;
  };
  const { policy, roots } = compile({ folder, problems, variable });
  if (problems.length > 0) return refuse(problems);
  try {
    const digest = policyDigest(policy);
    const files = Object.fromEntries(folder.files.map(({ file, text }) => [file, text]));
    const sources = { files, environment: read };
    return { ok: true, policy, digest, sources, warnings: locatedWarnings(policy, roots) };
  } catch (error) {
    const message = isKeyturnError(error) ? error.message : 'the policy has no canonical form';
    return refuse([{ file: '.', line: 1, column: 1, message }]);
  }
}

function refuse(problems: readonly PolicyProblem[]): PolicyLoadResult {
  return { ok: false, problems: sortProblems(problems) };
}

interface Compilation extends Pick<IssuerContext, 'variable'> {
  readonly folder: PolicyFolder;
  readonly problems: PolicyProblem[];
}

/** The order matters: what is named must be read before what names it, what conditions read before the conditions. */
function compile({ folder, problems, variable }: Compilation): {
  readonly policy: PolicySet;
  readonly roots: WarningRoots;
} {
  const names = new Names();
  for (const { action } of OWN_ACTIONS) names.allow('action', action);
  names.allow('target', OWN_TARGET);
  const sources = parseFolder(folder, { names, problems });
  const directory = sources.directory
    ? readDirectory(sources.directory, { names, variable })
    : { people: [], agents: [], groups: [] };
  const entries = sources.actions.map((value) => readAction(value, names));
  const { settings, risk, windows, isCalendarOpen } = sources.settings
    ? readSettings(sources.settings, names, directory)
    : { settings: NO_SETTINGS, risk: undefined, windows: [], isCalendarOpen: false };
  const actions = withLookups(entries, { names, tables: settings.tables ?? [] });
  const targets = sources.targets.map((value) => readTarget(value, { names, enums: settings.enums }));
  const catalogue: PolicySet = {
    ...settings,
    actions,
    targets,
    directory,
    windows: windows.map((value) => readWindow(value, { names, actions })),
    risk: DEFAULT_RISK,
    rules: [],
  };
  const addNames = NAMED.every((kind) => names.isComplete(kind)) ? knownNamesOf(catalogue) : WITHOUT_NAMES;
  const types = (of: typeof ruleFactTypes): TypesByAction => {
    const known = (action: ActionDefinition): FactTypes => {
      const facts = addNames(of(catalogue, action), action);
      return isCalendarOpen ? withoutDefaultCalendar(facts) : facts;
    };
    return new Map([...actions, ...OWN_ACTIONS].map((action) => [action.action, known(action)]));
  };
  const context = {
    names,
    defaults: settings.defaults.require,
    production: settings.production,
    reviewers: settings.reviewers,
    types: types(ruleFactTypes),
  };
  const read = sources.rules.map((value) => ({ value, rules: readRule(value, context) }));
  const policy = {
    ...catalogue,
    risk: readRisk(risk, { names, types: types(riskFactTypes) }),
    rules: read.flatMap(({ rules }) => rules),
  };
  const roots = new Map(read.flatMap(({ value, rules }) => rules.map(({ id }) => [id, value] as const)));
  return { policy, roots: { settings: sources.settings, rules: roots } };
}

/** What conditions name. Where some of it could not be read, they are checked without. */
const NAMED = ['agent', 'environment', 'group', 'person', 'resource type', 'table', 'target'] as const;
const WITHOUT_NAMES: AddNames = (types) => types;

function withLookups(entries: readonly ActionEntry[], context: LookupContext): readonly ActionDefinition[] {
  return entries.map(({ action, facts, owners }) => ({
    ...action,
    ...readFacts(facts, action, context.names),
    ...readOwners(owners, action, context),
  }));
}
