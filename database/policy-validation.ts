import { policyDigest, type PolicySet } from '../domain/policy.ts';
import { policySetSchema } from '../domain/policy-schema.ts';
import { compileFolder, formatProblem } from './policy-files.ts';
import { decompile } from './policy-files/decompile.ts';

/** More problems than these are not told: the first ones have to be mended anyway. */
const PROBLEMS_MAX = 20;

/**
 * Checks a compiled set as if it were loaded from files, all of it: it is written as files and compiled anew, which finds
 * every mistake that loading finds and must give the very same set. Empty when it did. Never throws, whatever it is given.
 */
export function problemsOfPolicy(candidate: unknown): readonly string[] {
  const parsed = policySetSchema.safeParse(candidate);
  if (!parsed.success)
    return parsed.error.issues.slice(0, PROBLEMS_MAX).map((issue) => {
      return `${issue.path.map(String).join('.').slice(0, 200)}: ${issue.message.slice(0, 300)}`;
    });
  try {
    return problemsOfSet(candidate as PolicySet);
  } catch (error) {
    return [error instanceof Error ? error.message.slice(0, 300) : 'the policy cannot be read'];
  }
}

function problemsOfSet(policy: PolicySet): readonly string[] {
  const compiled = compileFolder(decompile(policy), {});
  if (!compiled.ok) return compiled.problems.slice(0, PROBLEMS_MAX).map(formatProblem);
  // Where a rule stood in its file is not for a compiler of the whole to know.
  const rules = compiled.policy.rules.map((rule, index) => {
    return { ...rule, source: policy.rules[index]?.source ?? '' };
  });
  const isSame = policyDigest({ ...compiled.policy, rules }) === policyDigest(policy);
  return isSame ? [] : ['it says something that no policy file could say'];
}
