import { canonicalJson } from '../domain/crypto/canonical-json.ts';
import { operatorsDropped } from '../domain/policy-diff/diff.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import type { FileChange } from '../domain/request/plan.ts';
import { operatorLockout } from '../policy-authoring/lockout.ts';
import type { PolicyWarning } from '../policy-authoring/warnings.ts';
import { neverPublished } from '../policy-authoring/warnings/people.ts';
import { neverApproved } from '../policy-authoring/warnings/seats.ts';
import { compileFolder, formatProblem, type CompiledPolicy, type PolicyLoadResult } from './compile.ts';
import { folderOf, type PolicySources } from './folder.ts';
import { lineDiff } from './line-diff.ts';

/** More problems than these are not told: the first ones have to be mended anyway. */
const PROBLEMS_MAX = 20;

/** What is to be checked, and what it is compared with. Sources are JSON, as they were sent or stored. */
export interface CheckWork {
  readonly sources: string;
  readonly base?: { readonly digest: string; readonly sources: string | null };
  readonly proposal?: ProposalTerms;
}

/** What a proposal has to meet beside. Asked in the thread: a policy can be made to cost much, or to be huge. */
export interface ProposalTerms {
  /** Of what the files compile to. */
  readonly bytesMax: number;
  /** Of the active policy. */
  readonly operators: NonNullable<PolicySet['operators']>;
  /** Where people sign in. */
  readonly issuers: readonly string[];
}

/** What is to be said of sources: a policy with problems is not used, warnings are for those who decide on it. */
export interface PolicyFindings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Null where the files do not compile. */
  readonly compiled: Pick<CompiledPolicy, 'policy' | 'digest' | 'sources'> | null;
  /** How the files of the base change; without a base there are none. */
  readonly files: readonly FileChange[];
}

/** Compiles the sources of a policy as a folder is compiled. Never throws, whatever they hold. */
export function findingsOfSources({ sources, base, proposal }: CheckWork): PolicyFindings {
  const compiled = compileText(sources);
  if (!compiled.ok) return refused(compiled.problems.map(formatProblem));
  if (proposal && Buffer.byteLength(canonicalJson(compiled.policy)) > proposal.bytesMax)
    return refused([`the policy compiles to more than ${proposal.bytesMax} bytes`]);
  const findings = findingsOf(compiled);
  const lockout = proposal && findings.problems.length === 0 ? lockoutBy(proposal, compiled) : null;
  if (lockout !== null) return refused([lockout]);
  return base === undefined ? findings : { ...findings, ...comparedWith(base, findings, compiled.sources) };
}

function compileText(text: string): PolicyLoadResult {
  try {
    const { files, environment } = JSON.parse(text) as PolicySources;
    return compileFolder(folderOf(files), environment);
  } catch {
    const message = 'these are no texts of files by path';
    return { ok: false, problems: [{ file: '.', line: 1, column: 1, message }] };
  }
}

/** Whether it can follow on the active one otherwise, the plan of its publication says. */
function lockoutBy({ operators, issuers }: ProposalTerms, { policy }: CompiledPolicy): string | null {
  return operatorsDropped({ operators }, policy) ?? operatorLockout(policy, issuers);
}

/** Files that do not give the base are not what it is: nothing is compared with them. */
function comparedWith(
  base: NonNullable<CheckWork['base']>,
  { warnings }: PolicyFindings,
  sources: PolicySources,
): Pick<PolicyFindings, 'warnings' | 'files'> {
  if (base.sources === null) return shownWhole(sources, 'was stored without its files', warnings);
  const before = compileText(base.sources);
  return before.ok && before.digest === base.digest
    ? { warnings, files: changedFiles(before.sources, sources) }
    : shownWhole(sources, 'does not follow from the files that are stored with it', warnings);
}

function shownWhole(
  sources: PolicySources,
  why: string,
  warnings: PolicyFindings['warnings'],
): Pick<PolicyFindings, 'warnings' | 'files'> {
  const warning = `every line: the active policy ${why}, so all lines are shown as new ones`;
  return { warnings: [warning, ...warnings], files: changedFiles(null, sources) };
}

/** No file of a policy has such a name. */
const VARIABLES = 'environment variables';

/** How the files of a policy change, file by file. Without earlier ones every line is new. */
function changedFiles(before: PolicySources | null, after: PolicySources): readonly FileChange[] {
  const [old, fresh] = [textsOf(before), textsOf(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].sort().flatMap((file) => {
    const diff = lineDiff(old.get(file) ?? '', fresh.get(file) ?? '');
    return diff === '' ? [] : [{ file, diff }];
  });
}

function textsOf(sources: PolicySources | null): ReadonlyMap<string, string> {
  if (sources === null) return new Map();
  const { files, environment } = sources;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  return new Map([...Object.entries(files), [VARIABLES, variables.sort().join('')]]);
}

/** That nothing can be said of sources but why. */
export function refused(problems: readonly string[]): PolicyFindings {
  return { problems: problems.slice(0, PROBLEMS_MAX), warnings: [], compiled: null, files: [] };
}

/** What warns those who try a folder out refuses a proposal: requests would wait in vain, or nothing could follow. */
function findingsOf({ warnings, ...compiled }: CompiledPolicy): PolicyFindings {
  const { policy, digest, sources } = compiled;
  const hopeless = neverApproved(policy).map(
    (found) => `${locationOf(found, policy)}: nobody could approve such a request: ${found.message}`,
  );
  const closing = (): string[] =>
    neverPublished(policy).map((found) => `${locationOf(found, policy)}: ${found.message}`);
  const found = hopeless.length > 0 ? hopeless : closing();
  return {
    problems: found.slice(0, PROBLEMS_MAX),
    warnings: found.length > 0 ? [] : warningLines(warnings),
    compiled: { policy, digest, sources },
    files: [],
  };
}

function locationOf({ rule, path }: PolicyWarning, { rules }: PolicySet): string {
  if (rule !== null) return `${rules.find(({ id }) => id === rule)?.source ?? ''} ${rule}`;
  return `keyturn.yaml ${path[0] === 'defaults' ? 'the default requirement' : path.join('.')}`;
}

/** More warnings than these are only counted: who reviews a policy reads other things as well. */
const WARNINGS_MAX = 20;

function warningLines(warnings: CompiledPolicy['warnings']): readonly string[] {
  const lines = warnings.map(({ code, rule, message, ...location }) =>
    formatProblem({ ...location, message: `${rule === null ? '' : `${rule} `}${code}: ${message}` }),
  );
  const left = lines.length - WARNINGS_MAX;
  const more = left > 0 ? [`and ${left} more: run keyturn policy check to see all`] : [];
  return [...lines.slice(0, WARNINGS_MAX), ...more];
}
