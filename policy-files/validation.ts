import { policyDigest, type PolicySet } from '../domain/policy/policy.ts';
import type { PolicyWarning } from '../policy-authoring/warnings.ts';
import { neverPublished } from '../policy-authoring/warnings/people.ts';
import { neverApproved } from '../policy-authoring/warnings/seats.ts';
import { policySetSchema } from '../domain/policy/schema.ts';
import { compileFolder, formatProblem, type LocatedWarning } from './compile.ts';
import { decompile } from './decompile.ts';

/** More problems than these are not told: the first ones have to be mended anyway. */
const PROBLEMS_MAX = 20;

/** What is to be said of a compiled set: a policy with problems is not used, warnings are for those who decide on it. */
export interface PolicyFindings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Checks a compiled set as if it were loaded from files, all of it: it is written as files and compiled anew, which finds
 * every mistake that loading finds and must give the very same set. Never throws, whatever it is given.
 */
export function findingsOfPolicy(candidate: unknown): PolicyFindings {
  const parsed = policySetSchema.safeParse(candidate);
  if (!parsed.success)
    return refused(
      parsed.error.issues.map((issue) => {
        return `${issue.path.map(String).join('.').slice(0, 200)}: ${issue.message.slice(0, 300)}`;
      }),
    );
  try {
    return findingsOfSet(candidate as PolicySet);
  } catch (error) {
    return refused([error instanceof Error ? error.message.slice(0, 300) : 'the policy cannot be read']);
  }
}

function refused(problems: readonly string[]): PolicyFindings {
  return { problems: problems.slice(0, PROBLEMS_MAX), warnings: [] };
}

function findingsOfSet(policy: PolicySet): PolicyFindings {
  const compiled = compileFolder(decompile(policy), {});
  if (!compiled.ok) return refused(compiled.problems.map(formatProblem));
  // Where a rule stood in its file is not for a compiler of the whole to know.
  const sources = new Map(policy.rules.map(({ id, source }) => [id, source]));
  const rules = compiled.policy.rules.map((rule) => ({ ...rule, source: sources.get(rule.id) ?? '' }));
  const isSame = policyDigest({ ...compiled.policy, rules }) === policyDigest(policy);
  if (!isSame) return refused(['it says something that no policy file could say']);
  const hopeless = neverApproved(compiled.policy);
  if (hopeless.length > 0) return refused(hopeless.map((found) => hopelessText(found, sources)));
  const closing = neverPublished(compiled.policy);
  if (closing.length > 0) return refused(closing.map((found) => closingText(found, sources)));
  return { problems: [], warnings: warningLines(compiled.warnings, sources) };
}

/** A warning for who tries a folder out; for those whose requests would wait in vain it is no policy to publish. */
function hopelessText({ rule, path, message }: PolicyWarning, sources: ReadonlyMap<string, string>): string {
  const ofFile = path[0] === 'defaults' ? 'the default requirement' : path.join('.');
  const location = rule === null ? `keyturn.yaml ${ofFile}` : `${sources.get(rule) ?? ''} ${rule}`;
  return `${location}: nobody could approve such a request: ${message}`;
}

function closingText({ rule, message }: PolicyWarning, sources: ReadonlyMap<string, string>): string {
  const location = rule === null ? 'keyturn.yaml operators' : `${sources.get(rule) ?? ''} ${rule}`;
  return `${location}: ${message}`;
}

/** More warnings than these are only counted: who reviews a policy reads other things as well. */
const WARNINGS_MAX = 20;

/** The files that a set was written as are nobody's: the line of the rule is all that is known of its author's. */
function warningLines(
  warnings: readonly LocatedWarning[],
  sources: ReadonlyMap<string, string>,
): readonly string[] {
  const lines = warnings.map(({ code, rule, file, message }) =>
    rule === null ? `${file} ${code}: ${message}` : `${sources.get(rule) ?? ''} ${rule} ${code}: ${message}`,
  );
  const left = lines.length - WARNINGS_MAX;
  const more = left > 0 ? [`and ${left} more: run keyturn policy check to see all`] : [];
  return [...lines.slice(0, WARNINGS_MAX), ...more];
}
