import { beforeAll, describe, expect, it } from 'vitest';

import { leafText } from '../../../../domain/audit/leaf.ts';
import type { DirectoryPart } from '../../../../contract/evidence.ts';
import { minute } from './policy.ts';
import { entry, makeKeys, executedStory, type Keys } from './story.ts';
import { notHeld, wholeEvidence, type WholeEvidence } from './whole.ts';

type Inputs = WholeEvidence['inputs'];

interface Tamper {
  readonly what: string;
  readonly change: (inputs: Inputs) => unknown;
}

/** What somebody with the database could do to the directory. Each is done to every directory that has it. */
const FAILS: readonly Tamper[] = [
  { what: 'a change without an entry', change: (inputs) => tie(inputs, { entry: null }) },
  { what: 'a change that is gone', change: (inputs) => (inputs.directory_changes = []) },
  { what: 'an entry of later', change: (inputs) => tie(inputs, { entry: changed(minute(30)) }) },
  {
    what: 'an entry about something else',
    change: (inputs) => tie(inputs, { entry: changed(minute(-5), 'proposals') }),
  },
  { what: 'no entry at all', change: (inputs) => tie(inputs, { entry: '{}' }) },
  {
    what: 'two changes with one entry',
    change: ({ directory_changes: known }) =>
      known.push(...known.map((one) => ({ ...one, generation: '2' }))),
  },
  {
    what: 'people before there was a directory',
    change: (inputs) => each(inputs, (part) => ({ ...part, generation: '0' })),
  },
  {
    what: 'somebody in a group of the file who was not in it',
    change: (inputs) =>
      each(inputs, (part) => ({
        ...part,
        groups: part.groups.map((group) => ({ ...group, members: [...group.members, 'out'] })),
      })),
  },
  {
    what: 'somebody left out of a group of the file',
    change: (inputs) =>
      each(inputs, (part) => ({
        ...part,
        groups: part.groups.map((group) => ({ ...group, members: group.members.slice(1) })),
      })),
  },
  {
    what: 'a group of the file that is gone',
    change: (inputs) => each(inputs, (part) => ({ ...part, groups: [] })),
  },
  {
    what: 'a group within a group of the file',
    change: (inputs) =>
      each(inputs, (part) => ({
        ...part,
        groups: part.groups.map((group) => ({ ...group, groups: ['others'] })),
      })),
  },
  {
    what: 'an account taken from somebody',
    change: (inputs) =>
      each(inputs, (part) => ({
        ...part,
        people: part.people.map((person) => ({ ...person, accounts: [] })),
      })),
  },
  {
    what: 'somebody whose account decided and who is gone',
    change: (inputs) => each(inputs, (part) => without('ann', part)),
  },
  {
    what: 'somebody of another directory who is gone from that of the creation',
    change: (inputs) => (inputs.directory_at_creation = without('out', inputs.directory_at_creation)),
  },
  {
    what: 'somebody of another directory who is gone from that of a decision',
    change: (inputs) => {
      for (const one of inputs.decisions)
        one.directories = one.directories.map((part) => without('out', part));
    },
  },
  {
    what: 'an agent with another owner',
    change: (inputs) =>
      each(inputs, (part) => ({ ...part, agents: part.agents.map((agent) => ({ ...agent, owner: 'out' })) })),
  },
  { what: 'an agent that is gone', change: (inputs) => each(inputs, (part) => ({ ...part, agents: [] })) },
];

const NOT_SHOWN: readonly Tamper[] = [
  { what: 'a policy that is not there', change: (inputs) => tie(inputs, { policy: null }) },
];

function tie(inputs: Inputs, change: Partial<Inputs['directory_changes'][number]>): void {
  inputs.directory_changes = inputs.directory_changes.map((known) => ({ ...known, ...change }));
}

function each(inputs: Inputs, change: (part: DirectoryPart) => DirectoryPart): void {
  inputs.directory_at_creation = change(inputs.directory_at_creation);
  for (const facts of inputs.facts) facts.directory = change(facts.directory);
  for (const one of inputs.decisions) one.directories = one.directories.map(change);
}

function without(person: string, part: DirectoryPart): DirectoryPart {
  return {
    ...part,
    people: part.people.filter(({ id }) => id !== person),
    groups: part.groups.map((group) => ({
      ...group,
      members: group.members.filter((id) => id !== person),
    })),
  };
}

/** The entry by which provisioning or the claims of a token changed the directory. */
function changed(at: string, stream = 'directory'): string {
  const { draft } = entry('directory.changed', { authority: 'scim:x' }, { at, policy_digest: null });
  const id = `${stream}/${stream}/change/0`;
  return leafText(draft, {
    id,
    request: stream,
    run: stream,
    namespace: '',
    n: 0,
    prev: null,
    nonce: 'ab',
    salts: {},
  });
}

let keys: Keys;

beforeAll(async () => {
  keys = await makeKeys();
});

async function after(change: (inputs: Inputs) => unknown): Promise<Record<string, string>> {
  const story = await executedStory(keys);
  const evidence = wholeEvidence(story);
  change(evidence.inputs);
  return notHeld(evidence, story);
}

describe('the directories that a request leans on', () => {
  it.each(FAILS)('are named when they were tampered with: $what', async ({ change }) => {
    expect(await after(change)).toMatchObject({ directories_recorded: expect.stringMatching(/^failed: /) });
  });

  it.each(NOT_SHOWN)('are not shown by $what', async ({ change }) => {
    const found = await after(change);
    expect(found['directories_recorded']).toMatch(/^not_shown: /);
    expect(Object.values(found).filter((text) => text.startsWith('failed'))).toEqual([]);
  });

  it('hold when provisioning changed them with an entry, deactivated somebody or added an account', async () => {
    const account = { issuer: 'https://other.example', subject: 'x' };
    const found = await after((inputs) => {
      tie(inputs, { entry: changed(minute(-5)) });
      each(inputs, (part) => ({
        ...part,
        people: part.people.map((person) => ({
          ...person,
          active: person.id !== 'out',
          accounts: [...person.accounts, { ...account, subject: person.id }],
        })),
      }));
    });
    expect(found).toEqual({});
  });
});
