import { commitment, type Leaf } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import { nameOf } from './evidence.ts';
import { wrongOf, type Finding } from './finding.ts';
import type { StreamState } from '../../../contract/streams.ts';

/** Two different people release a switch that was engaged; the switches of the database stand as the entries say. */
export function switchesFollow(
  leaves: readonly Leaf[],
  { switches = [] }: StreamState,
): Omit<Finding, 'checked'> {
  const words = new Map<unknown, Set<unknown>>();
  const engaged = new Map<unknown, boolean>();
  const problems = leaves.flatMap((leaf) => {
    const { switch: id, person } = leaf.facts;
    const isRight = isRightStep(leaf, { isEngaged: engaged.get(id), people: words.get(id) ?? new Set() });
    if (leaf.type === 'switch.lift_confirmed') words.set(id, (words.get(id) ?? new Set()).add(person));
    else engaged.set(id, leaf.type === 'switch.thrown');
    return isRight ? [] : [`${nameOf(leaf)} cannot follow`];
  });
  const stored = new Map<unknown, boolean>(switches.map(({ id, is_engaged: isEngaged }) => [id, isEngaged]));
  const others = [...new Set([...stored.keys(), ...engaged.keys()])].filter(
    (id) => stored.get(id) !== engaged.get(id),
  );
  const contents = leaves
    .filter(({ type }) => type === 'switch.thrown')
    .map((leaf) =>
      contentOf(
        leaf,
        switches.find(({ id }) => id === leaf.facts['switch']),
      ),
    );
  return {
    problems: [
      ...problems,
      ...others.map((id) => `the switch ${String(id)} stands otherwise than its entries say`),
      ...contents.flatMap((found) => found.problems),
    ],
    notShown: contents.flatMap(({ notShown }) => notShown),
  };
}

/** What a switch stops and why, as its entry says: a switch that is narrowed stops less than people believe. */
function contentOf(leaf: Leaf, stored: StoredSwitch | undefined): Required<Omit<Finding, 'checked'>> {
  if (!stored) return { problems: [], notShown: [] };
  const { scope, reason, thrown_at: engagedAt } = stored;
  if (!scope || reason === undefined || engagedAt === undefined)
    return { problems: [], notShown: [`what the switch ${stored.id} stops is not in the evidence`] };
  const isAgent = scope.kind === 'agent';
  const account = stored.account ?? null;
  const fields: readonly (readonly [what: string, isSame: boolean | null])[] = [
    ['kind', leaf.facts['kind'] === scope.kind],
    ['scope', isAgent ? isCommitted(leaf, stored, 'scope') : leaf.facts['scope'] === scope.value],
    ['account', isAgent ? isCommitted(leaf, stored, 'account') : account === null],
    ['reason', isCommitted(leaf, stored, 'reason')],
    ['instant', Date.parse(leaf.at) === Date.parse(engagedAt)],
  ];
  return {
    problems: wrongOf(fields).map(
      (what) => `the switch ${stored.id} has another ${what} than ${nameOf(leaf)}`,
    ),
    notShown: wrongOf(fields, null).map(
      (what) => `the ${what} in ${nameOf(leaf)} is erased or was not recorded`,
    ),
  };
}

type StoredSwitch = NonNullable<StreamState['switches']>[number];

/** Null where the entry commits to nothing of the kind, or what it committed with is erased. */
function isCommitted(leaf: Leaf, stored: StoredSwitch, part: 'scope' | 'account' | 'reason'): boolean | null {
  const committed = leaf.commit[part];
  const salt = stored.salts?.[part];
  if (committed === undefined || salt === undefined) return null;
  const value = part === 'scope' ? stored.scope?.value : stored[part];
  return commitment(salt, canonicalJson(value ?? null)) === committed;
}

interface SwitchBefore {
  readonly isEngaged: boolean | undefined;
  readonly people: ReadonlySet<unknown>;
}

function isRightStep({ type, facts }: Leaf, { isEngaged, people }: SwitchBefore): boolean {
  if (type === 'switch.thrown') return isEngaged === undefined;
  if (isEngaged !== true) return false;
  return type === 'switch.lifted' ? people.size >= 2 : !people.has(facts['person']);
}
