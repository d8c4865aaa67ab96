import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import { digestOf } from '../../crypto/digest.ts';
import { planDigest } from '../../request/digests.ts';
import type { StoredPlan } from '../../request/plan.ts';
import type { PolicySet } from '../../policy/policy.ts';
import { leafHash } from '../leaf.ts';
import { nameOf, readLeaf, type Material } from './evidence.ts';
import { signedRequestOf } from './envelopes.ts';
import { CLOCKS_APART_MS, notInEvidence, type Finding, type Subject } from './finding.ts';

/** True when a stored body is what its digest names; what has no canonical form never had a digest. */
export function isNamedBy(digest: string, body: unknown): boolean {
  try {
    return digestOf(body) === digest;
  } catch {
    return false;
  }
}

/** The policy set with a digest, or undefined where it is not in the evidence or is not what its digest names. */
export function policyNamed({ evidence }: Material, digest: string | undefined): PolicySet | undefined {
  const found = evidence.inputs?.policies.find((candidate) => candidate.digest === digest);
  return found && isNamedBy(found.digest, found.body) ? (found.body as unknown as PolicySet) : undefined;
}

/** Everything that is kept beside the log by a digest is what the digest names. */
export function inputsUnaltered({ material }: Subject): Finding {
  const { inputs } = material.evidence;
  if (!inputs) return notInEvidence(NO_INPUTS);
  const problems = (['facts', 'policies'] as const).flatMap((kind) =>
    inputs[kind]
      .filter(({ digest, body }) => !isNamedBy(digest, body))
      .map(({ digest }) => `${kind} ${digest}`),
  );
  const count = inputs.facts.length + inputs.policies.length;
  return {
    problems: problems.map((what) => `${what} was altered`),
    checked: `${counted(count, 'digest')} recomputed`,
  };
}

/** Said where evidence lacks them: readers without the right to them get none. */
export const NO_INPUTS = 'what policy was evaluated with is not in the evidence';

/** What people read of each plan is what its entry names. */
export function plansUnaltered({ material }: Subject): Finding {
  const { inputs } = material.evidence;
  const planned = material.stream.filter((leaf) => leaf.type === 'request.planned');
  const notShown: string[] = [];
  const problems = planned.flatMap((leaf) => {
    const plan = inputs?.plans.find(({ digest }) => digest === leaf.facts['plan_digest']);
    if (!plan) notShown.push(`the plan of ${nameOf(leaf)} is not in the evidence`);
    return plan && !isPlanOf(leaf, plan.body as unknown as StoredPlan)
      ? [`${nameOf(leaf)}: the stored plan is not the one that was planned`]
      : [];
  });
  return { problems, notShown, checked: counted(planned.length, 'plan') };
}

function isPlanOf(leaf: Leaf, body: StoredPlan): boolean {
  try {
    return planDigest(body) === leaf.facts['plan_digest'] && body.fingerprint === leaf.facts['fingerprint'];
  } catch {
    return false;
  }
}

/** Every policy that an entry names was the active one then, as the stream of policies says. */
export function policiesInstalled(subject: Subject): Finding {
  const { material } = subject;
  const { inputs } = material.evidence;
  const named = material.stream.filter((leaf) => leaf.policy !== null);
  if (!inputs) return notInEvidence(NO_INPUTS);
  const installations = inputs.policy_entries
    .flatMap((text) => {
      const leaf = readLeaf(text);
      return leaf?.type === 'policy.installed' && leaf.stream.request === 'policy' ? [leaf] : [];
    })
    .sort((one, other) => one.n - other.n);
  const problems = named.flatMap((leaf) => {
    const fault = installationFault(installations, leaf, namedSince(subject, leaf));
    return fault === null ? [] : [`${nameOf(leaf)} names a policy that ${fault}`];
  });
  const entries = new Set(inputs.policy_entries.map(leafHash)).size;
  return { problems, checked: counted(entries, 'activation') };
}

/** What was received names the policy that it was signed under, by the API as it knew the policies then. */
function namedSince({ envelopes }: Subject, leaf: Leaf): number {
  const signed = leaf.type === 'request.received' ? signedRequestOf(envelopes, leaf) : undefined;
  return Date.parse(signed?.issued_at ?? leaf.at);
}

/** The same policy may be made active again; each time it is until the next one is. */
function installationFault(installations: readonly Leaf[], leaf: Leaf, sinceMs: number): string | null {
  const before = installations.filter(({ at }) => Date.parse(at) <= Date.parse(leaf.at) + CLOCKS_APART_MS);
  const own = before.filter(({ facts }) => facts['digest'] === leaf.policy?.digest);
  if (own.length === 0) return 'no entry made active before it';
  const isActive = own.some(({ n }) => {
    const next = installations.find((other) => other.n > n);
    return next === undefined || Date.parse(next.at) >= sinceMs - CLOCKS_APART_MS;
  });
  return isActive ? null : 'was replaced before it';
}
