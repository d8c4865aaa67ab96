import { counted } from '../../cards/counted.ts';
import { leafHash, type LeafType } from '../leaf.ts';
import type { Directory } from '../../identity/directory.ts';
import { isSameIdentity, type Identity } from '../../identity/identity.ts';
import { arrivedRequestOf } from './envelopes.ts';
import { nameOf, readLeaf } from './evidence.ts';
import { CLOCKS_APART_MS, found, notInEvidence, type Answer, type Finding, type Subject } from './finding.ts';
import { NO_INPUTS, policyNamed } from './inputs.ts';
import type { DirectoryChange, DirectoryPart } from '../../../contract/evidence.ts';

/** A directory that something in the log leans on. */
interface Use {
  readonly what: string;
  readonly directory: DirectoryPart;
  /** When it was leant on: the change was recorded before. */
  readonly at: string;
}

/**
 * Every directory that an evaluation or a decision leans on was made by a change with an entry, before, and says of the
 * people concerned what the file of the policy says that was active then. What others than the file brought is counted by
 * their entries and not held.
 */
export function directoriesRecorded(subject: Subject): Finding {
  const { inputs } = subject.material.evidence;
  if (!inputs) return notInEvidence(NO_INPUTS);
  const uses = usesOf(subject);
  const answers = uses.map((use) => [use.what, answerOf(subject, use)] as const);
  const { problems, notShown } = found(answers);
  return {
    problems: [...new Set(problems), ...sharedEntries(inputs.directory_changes)],
    notShown: [...new Set(notShown)],
    checked: `${counted(inputs.directory_changes.length, 'change')} of the directory`,
  };
}

function usesOf({ material }: Subject): readonly Use[] {
  const { stream, decisions, evidence } = material;
  const { inputs } = evidence;
  const [first] = stream;
  if (!inputs || !first) return [];
  const evaluated = inputs.facts.flatMap(({ digest, directory }) =>
    stream
      .filter(({ facts }) => facts['facts_digest'] === digest)
      .map((leaf) => ({ what: nameOf(leaf), directory, at: leaf.at })),
  );
  const decided = decisions.flatMap(({ decision, leaf }) =>
    (inputs.decisions.find((one) => one.decision === decision)?.directories ?? []).map((directory) => ({
      what: nameOf(leaf),
      directory,
      at: leaf.at,
    })),
  );
  const created = { what: nameOf(first), directory: inputs.directory_at_creation, at: first.at };
  return [created, ...evaluated, ...decided];
}

function answerOf(subject: Subject, use: Use): Answer {
  const { generation, people, agents, groups } = use.directory;
  if (generation === '0')
    return people.length + agents.length + groups.length === 0
      ? {}
      : { problem: 'leans on a directory from before there was one' };
  const { inputs } = subject.material.evidence;
  const change = inputs?.directory_changes.find((one) => one.generation === generation);
  if (!change || !isRecorded(change, use))
    return { problem: 'leans on a directory that no entry made before it' };
  return isInstalled(subject, change)
    ? followsFile(subject, use, change)
    : { problem: 'leans on a directory of a policy that no entry made active' };
}

/** The policy that said what the file says became active by an entry: this change's own, where a policy changed it. */
function isInstalled({ material }: Subject, { entry, policy }: DirectoryChange): boolean {
  if (policy === null) return true;
  const texts = material.evidence.inputs?.policy_entries ?? [];
  const own = entry === null ? null : readLeaf(entry);
  if (own?.type === 'policy.installed') return own.facts['digest'] === policy && texts.includes(entry ?? '');
  return texts.some((text) => readLeaf(text)?.facts['digest'] === policy);
}

function isRecorded({ entry }: DirectoryChange, { at }: Use): boolean {
  const leaf = entry === null ? null : readLeaf(entry);
  if (!leaf || Date.parse(leaf.at) > Date.parse(at) + CLOCKS_APART_MS) return false;
  const { request } = leaf.stream;
  return leaf.type === 'policy.installed'
    ? request === 'policy'
    : CHANGING.has(leaf.type) && request === 'directory';
}

const CHANGING: ReadonlySet<LeafType> = new Set(['directory.changed', 'account.linked', 'account.unlinked']);

/** One entry records one change. */
function sharedEntries(changes: readonly DirectoryChange[]): string[] {
  const hashes = changes.flatMap(({ entry }) => (entry === null ? [] : [leafHash(entry)]));
  return new Set(hashes).size === hashes.length ? [] : ['one entry stands for two changes of the directory'];
}

function followsFile(subject: Subject, { directory }: Use, { policy }: DirectoryChange): Answer {
  const file = policyNamed(subject.material, policy ?? undefined)?.directory;
  if (!file) return { notShown: 'the policy whose file says who was there is not in the evidence' };
  const isSame =
    isSameInGroups(file, directory) &&
    isSameOfPeople(file, directory) &&
    knowsConcerned(file, directory, { accounts: identitiesOf(subject), ids: idsIn(subject) });
  return isSame ? {} : { problem: 'leans on a directory that is not what the policy of then says' };
}

/** Groups of the file are its own: nobody else adds to them or takes from them. */
function isSameInGroups(file: Directory, part: DirectoryPart): boolean {
  const concerned = new Set(part.people.map(({ id }) => id));
  return file.groups
    .filter(({ authority = 'file' }) => authority === 'file')
    .every(({ id, members, groups }) => {
      const found = part.groups.find((group) => group.id === id);
      return (
        found !== undefined &&
        isSameSet(found.groups, groups) &&
        isSameSet(
          found.members,
          members.filter((member) => concerned.has(member)),
        )
      );
    });
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  const both = new Set([...left, ...right]);
  return both.size === new Set(left).size && both.size === new Set(right).size;
}

/** Others may deactivate whom the file knows, and add accounts; nobody undoes what it says. */
function isSameOfPeople(file: Directory, part: DirectoryPart): boolean {
  return part.people.every((person) => {
    const known = file.people.find(({ id }) => id === person.id);
    if (!known) return true;
    const isActive = known.active || !person.active;
    return (
      isActive &&
      known.accounts.every((account) => person.accounts.some((one) => isSameIdentity(one, account)))
    );
  });
}

interface Concerned {
  readonly accounts: readonly Identity[];
  /** Of people who stand in any of the evidence's directories. */
  readonly ids: ReadonlySet<string>;
}

/**
 * Everybody whom the file has behind an account that signed or is named is in the directory, agents as it says; and so is
 * everybody in another directory: an account that was theirs then makes a decision their own.
 */
function knowsConcerned(file: Directory, part: DirectoryPart, { accounts, ids }: Concerned): boolean {
  const people = file.people.filter(
    (person) => ids.has(person.id) || person.accounts.some((one) => isAmong(accounts, one)),
  );
  const agents = file.agents.filter((agent) => isAmong(accounts, agent));
  return (
    people.every(({ id }) => part.people.some((person) => person.id === id)) &&
    agents.every((agent) =>
      part.agents.some(
        (known) =>
          known.id === agent.id &&
          part.people.some((person) => person.id === agent.owner) &&
          known.owner === agent.owner &&
          known.active === agent.active &&
          known.acts_for_people === agent.acts_for_people,
      ),
    )
  );
}

function idsIn({ material }: Subject): ReadonlySet<string> {
  const { inputs } = material.evidence;
  if (!inputs) return new Set();
  const decided = inputs.decisions.flatMap(({ directories }) => directories);
  const parts = [inputs.directory_at_creation, ...decided, ...inputs.facts.map(({ directory }) => directory)];
  return new Set(parts.flatMap(({ people }) => people.map(({ id }) => id)));
}

function isAmong(accounts: readonly Identity[], account: Identity): boolean {
  return accounts.some((one) => isSameIdentity(one, account));
}

function identitiesOf(subject: Subject): readonly Identity[] {
  const lineage = arrivedRequestOf(subject)?.lineage ?? [];
  const reviewers = subject.envelopes.flatMap(({ payload }) =>
    payload?.kind === 'decision' ? [payload.reviewer] : [],
  );
  return [...lineage, ...reviewers];
}
