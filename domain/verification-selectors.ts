import { requiredSelectors } from './decision.ts';
import type { Selector } from './requirement.ts';
import type { Material, PendingLeaf } from './verification-evidence.ts';
import type { ShownRow } from './wire-evidence.ts';

/**
 * Whose inboxes hold the request: while it is pending those of people that its requirement names, and before anybody
 * decided of all whom its first stages ask; afterwards nobody's. Which of them exactly changes with the directory.
 */
export function selectorsFault(material: Material, { open_selectors: open }: ShownRow): string | null {
  if (material.evidence.state?.status !== 'pending')
    return open.length === 0 ? null : 'inboxes hold the request though nobody is asked';
  const pending = material.pendings.at(-1);
  if (!pending) return null;
  if (open.length === 0) return 'no inbox holds the request though people are asked';
  const wanted = requiredSelectors(pending);
  // Owners are spelled out, and may be others since.
  const isStranger = !wanted.includes('owners') && open.some((one) => !isAmong(wanted, one));
  if (isStranger) return 'inboxes hold the request that its requirement does not name';
  const isMissing = firstAsked(material, pending).some((one) => !isAmong(open, one));
  return isMissing ? 'inboxes lack the request though their stage is open' : null;
}

function isAmong(selectors: readonly string[], wanted: string): boolean {
  return selectors.includes(wanted);
}

function firstAsked({ decisions }: Material, pending: PendingLeaf): readonly Selector[] {
  if (decisions.some(({ round }) => round === pending.round)) return [];
  return pending.requirement.rules
    .flatMap(({ stages }) => stages[0]?.any ?? [])
    .filter((selector) => selector !== 'owners');
}
