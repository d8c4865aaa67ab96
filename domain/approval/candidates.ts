import { rotationMembers } from '../calendar/rotation.ts';
import { membersOf, personById, type Person } from '../identity/directory.ts';
import { behind } from '../identity/own-request.ts';
import { isFreshForAll, withoutTakenBack, type SeatReference } from './quorum.ts';
import type { Selector } from '../request/requirement.ts';
import {
  isAcceptedReviewer,
  isSelected,
  openStages,
  scopesOf,
  type SeatFacts,
  type SelectorScope,
} from './seats.ts';

/** Who may approve one open stage. */
export interface StageCandidates {
  readonly seat: SeatReference;
  /** In the order of their names. */
  readonly people: readonly Person[];
}

/**
 * Who may approve each open stage now: active people of its selectors who meet the rule's condition, do not stand behind
 * the request, and have not decided it. Of groups and rotations that another service keeps, those who are known.
 */
export function candidatesOf(facts: SeatFacts): readonly StageCandidates[] {
  const { request, directories, at } = facts;
  const { now, atCreation } = scopesOf(facts);
  const isOwn = behind(request.lineage, [directories.now, directories.at_creation]);
  const decided = new Set(
    withoutTakenBack(request.decisions)
      .filter(({ verdict }) => verdict !== 'defer')
      .filter((decision) => isFreshForAll(request.requirement, decision, at))
      .map(({ person }) => person),
  );
  return openStages(facts).map(({ rule, seat, selectors }) => {
    const ids = new Set(
      selectors.flatMap((selector) =>
        possiblePeople(now, selector).filter(
          (id) => isSelected(now, selector, id) && isSelected(atCreation, selector, id),
        ),
      ),
    );
    const people = [...ids]
      .map((id) => personById(directories.now, id))
      .filter((person) => person !== undefined)
      .filter((person) => person.active && !decided.has(person.id) && !isOwn({ person }))
      .filter((person) => isAcceptedReviewer(rule, directories, person.id));
    return { seat, people: people.toSorted((left, right) => left.name.localeCompare(right.name, 'en')) };
  });
}

/** Everybody whom a selector can hold: few where a group says so, the whole directory where only a service knows. */
function possiblePeople(scope: SelectorScope, selector: Selector): readonly string[] {
  const name = selector.slice(selector.indexOf(':') + 1);
  if (selector === 'owners')
    return scope.owners.flatMap((owner) =>
      owner === 'owners' ? [] : possiblePeople(scope, owner as Selector),
    );
  if (selector.startsWith('user:')) return [name];
  if (selector.startsWith('group:')) return [...membersOf(scope.directory, name)];
  const rotation = scope.rotations.find(({ id }) => id === name);
  return rotation ? [...rotationMembers(rotation)] : scope.directory.people.map(({ id }) => id);
}
