import { rotationMembers } from '../calendar/rotation.ts';
import { meetsReviewerCondition } from './seats.ts';
import { isBroughtByOthers, membersOf, type Directory } from '../identity/directory.ts';
import { remembered } from '../once-per.ts';
import { literalsIn } from '../conditions/literals.ts';
import type { PolicySet } from '../policy/policy.ts';
import type { RuleRequirement, Selector, Stage } from '../request/requirement.ts';

/** Who may fill the seats of a stage. Null where another authority than the file says who is in some group. */
export interface StageReviewers {
  /** Everybody who ever may: all members of rotations, and whom escalations add. */
  readonly ever: ReadonlySet<string>;
  /** At most so many at one moment before anything escalates: a rotation has one person on duty. */
  readonly atOnce: number;
}

/** Resolves selectors to active people of a policy's directory, each once. */
export class Reviewers {
  readonly #policy: PolicySet;
  readonly #active: ReadonlySet<string>;
  readonly #known = new Map<string, ReadonlySet<string> | null>();
  readonly #accepted = new Map<string, ReadonlySet<string>>();
  #ownNames: ReadonlySet<string> | null = null;
  #groups: ReadonlyMap<string, readonly string[]> | null = null;

  constructor(policy: PolicySet) {
    this.#policy = policy;
    this.#active = new Set(policy.directory.people.filter(({ active }) => active).map(({ id }) => id));
  }

  /** The people of a stage, where the target has these owners and the rule these terms. */
  of(stage: Stage, rule: RuleRequirement, owners: readonly string[]): StageReviewers | null {
    const any = this.#union(stage.any, owners);
    const later = this.#union(
      stage.escalate.map(({ to }) => to),
      owners,
    );
    if (any === null || later === null || !this.#isDecidable(rule.reviewer_when)) return null;
    const accepted = this.#acceptedBy(rule.reviewer_when);
    const first = [...any].filter((person) => accepted.has(person));
    const selectors = expanded(stage.any, owners);
    const rotations = selectors.filter((selector) => selector.startsWith('oncall:'));
    const steady = this.#union(
      selectors.filter((selector) => !selector.startsWith('oncall:')),
      owners,
    );
    const always = first.filter((person) => steady?.has(person)).length;
    return {
      ever: new Set([...first, ...[...later].filter((person) => accepted.has(person))]),
      atOnce: Math.min(first.length, always + rotations.length),
    };
  }

  /** False where a condition may read of somebody that they are in a group which others fill. */
  #isDecidable(condition: string | undefined): boolean {
    const { groups, people } = this.#policy.directory;
    if (condition === undefined || groups.every(({ authority }) => authority === undefined)) return true;
    this.#ownNames ??= new Set([
      ...groups.filter(({ id }) => !isBroughtByOthers(this.#policy.directory, id)).map(({ id }) => id),
      ...people.map(({ id }) => id),
    ]);
    const names = this.#ownNames;
    const { texts } = literalsIn(condition);
    return texts.length > 0 && texts.every((text) => names.has(text));
  }

  /** Asked once a condition: many rules have the same one, and directories are large. */
  #acceptedBy(condition: string | undefined): ReadonlySet<string> {
    if (condition === undefined) return this.#active;
    this.#groups ??= groupsByPerson(this.#policy.directory);
    const groups = this.#groups;
    const isAccepted = (id: string) =>
      meetsReviewerCondition(condition, { id, groups: groups.get(id) ?? [] });
    return remembered(this.#accepted, condition, () => new Set([...this.#active].filter(isAccepted)));
  }

  /** The active people of a selector other than `owners`, or null where somebody else says who they are. */
  peopleOf(selector: Selector): ReadonlySet<string> | null {
    return remembered(this.#known, selector, () => {
      const found = this.#namedBy(selector);
      return found && new Set([...found].filter((person) => this.#active.has(person)));
    });
  }

  #union(selectors: readonly Selector[], owners: readonly string[]): ReadonlySet<string> | null {
    const people = new Set<string>();
    for (const selector of expanded(selectors, owners)) {
      const found = this.peopleOf(selector);
      if (found === null) return null;
      for (const person of found) people.add(person);
    }
    return people;
  }

  #namedBy(selector: Selector): ReadonlySet<string> | null {
    const { directory, rotations, polled_rotations: polled = [] } = this.#policy;
    const id = selector.slice(selector.indexOf(':') + 1);
    if (selector.startsWith('user:')) return new Set([id]);
    if (selector.startsWith('group:'))
      return isBroughtByOthers(directory, id) ? null : membersOf(directory, id);
    if (polled.some((rotation) => rotation.id === id)) return null;
    const rotation = rotations.find((candidate) => candidate.id === id);
    return rotation ? rotationMembers(rotation) : new Set();
  }
}

function groupsByPerson(directory: Directory): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { id } of directory.groups) {
    for (const person of membersOf(directory, id)) groups.set(person, [...(groups.get(person) ?? []), id]);
  }
  return groups;
}

/** `owners` replaced by what it stands for. */
function expanded(selectors: readonly Selector[], owners: readonly string[]): readonly Selector[] {
  return selectors.flatMap((selector) =>
    selector === 'owners' ? (owners.filter((owner) => owner !== 'owners') as Selector[]) : [selector],
  );
}
