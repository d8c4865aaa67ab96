import { withoutTakenBack } from '../../approval/quorum.ts';
import type { Leaf } from '../leaf.ts';
import { requiredSelectors } from '../../approval/decision.ts';
import { possibleOwners } from '../../approval/owners.ts';
import { actionOf, targetOf, type PolicySet } from '../../policy/policy.ts';
import type { RuleRequirement, Selector } from '../../request/requirement.ts';
import { countedBefore, readLeaf, type Material, type PendingLeaf } from './evidence.ts';
import { policyNamed } from './inputs.ts';
import type { ShownRow } from '../../../contract/evidence.ts';

/**
 * Whose inboxes hold the request: while it is pending those of people that its requirement names, and before anybody
 * decided of all whom its first stages ask; afterwards nobody's. Which of them exactly changes with the directory.
 */
export function selectorsFault(material: Material, { open_selectors: open }: ShownRow): string | null {
  if (material.evidence.state?.status !== 'pending')
    return open.length === 0 ? null : 'inboxes hold the request though nobody is asked';
  const pending = material.pendings.at(-1);
  if (!pending) return null;
  if (open.length === 0 && !mayAskNobody(material, pending))
    return 'no inbox holds the request though people are asked';
  const wanted = requiredSelectors(pending);
  // Owners are spelled out, and may be others since.
  const isStranger = !wanted.includes('owners') && open.some((one) => !isAmong(wanted, one));
  if (isStranger) return 'inboxes hold the request that its requirement does not name';
  const isMissing = firstSelectors(material, pending).some((one) => !isAmong(open, one));
  return isMissing ? 'inboxes lack the request though their stage is open' : null;
}

/**
 * Where each rule has all its people already, or asks owners alone somewhere; and nobody is one, or the policy that said
 * who is was replaced.
 */
function mayAskNobody(material: Material, pending: PendingLeaf): boolean {
  const { rules } = pending.requirement;
  const counted = countedBefore(material, pending.round, Infinity);
  const approvals = withoutTakenBack(counted).filter(({ verdict }) => verdict === 'approve');
  const isFilled = ({ stages }: RuleRequirement, rule: number): boolean => {
    const seated = approvals.filter(({ seats }) => seats.some((seat) => seat.rule === rule));
    return (
      new Set(seated.map(({ person }) => person)).size >= stages.reduce((sum, { quorum }) => sum + quorum, 0)
    );
  };
  if (!rules.some(asksOwnersOnly) || !rules.every((rule, n) => asksOwnersOnly(rule) || isFilled(rule, n)))
    return false;
  const { row } = material.evidence.state ?? {};
  const policy = policyInForce(material, pending.leaf);
  if (!row || !policy) return true;
  const [action, target] = [actionOf(policy, row.action), targetOf(policy, row.target)];
  return possibleOwners(policy, action ?? {}, target ? [target] : []).some(
    ({ owners }) => owners.length === 0,
  );
}

function asksOwnersOnly({ stages }: RuleRequirement): boolean {
  return stages.some(({ any }) => any.every((selector) => selector === 'owners'));
}

/** The policy of a round, unless another one has replaced it since; undefined where that is not in the evidence. */
function policyInForce(material: Material, { policy: named }: Leaf): PolicySet | undefined {
  const entries = material.evidence.inputs?.policy_entries ?? [];
  const installed = entries
    .flatMap((text) => readLeaf(text) ?? [])
    .toSorted((one, other) => one.n - other.n)
    .at(-1);
  return installed?.facts['digest'] === named?.digest ? policyNamed(material, named?.digest) : undefined;
}

function isAmong(selectors: readonly string[], wanted: string): boolean {
  return selectors.includes(wanted);
}

function firstSelectors({ decisions }: Material, pending: PendingLeaf): readonly Selector[] {
  if (decisions.some(({ round }) => round === pending.round)) return [];
  return pending.requirement.rules
    .flatMap(({ stages }) => stages[0]?.any ?? [])
    .filter((selector) => selector !== 'owners');
}
