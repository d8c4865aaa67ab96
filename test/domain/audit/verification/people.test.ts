import { beforeAll, describe, expect, it } from 'vitest';

import { makeKeys, pendingStory, type Keys } from './story.ts';
import { account, withDecision } from './spoiling.ts';
import { notHeld, standing, wholeEvidence, type WholeEvidence } from './whole.ts';

type Part = WholeEvidence['inputs']['directory_at_creation'];

let keys: Keys;

beforeAll(async () => {
  keys = await makeKeys();
});

/** The directory with further accounts of some people. */
function withAccounts(part: Part, accounts: Readonly<Record<string, string>>): Part {
  const people = part.people.map((person) => {
    const further = accounts[person.id];
    return further === undefined ? person : { ...person, accounts: [...person.accounts, account(further)] };
  });
  return { ...part, people };
}

describe('one who decided with, or holds, an account of the people behind a request', () => {
  it.each<
    [string, { readonly now: Record<string, string>; readonly before: Record<string, string> }, boolean]
  >([
    ['nobody’s but their own', { now: {}, before: {} }, true],
    ['an account that was the owner’s then', { now: { ann: 'olga-2' }, before: { olga: 'olga-2' } }, false],
    ['an account that is the owner’s now', { now: { olga: 'ann-2' }, before: { ann: 'ann-2' } }, true],
    ['an account that was somebody else’s then', { now: { ann: 'ben-2' }, before: { ben: 'ben-2' } }, true],
  ])('%s', async (_what, { now, before }, isEntitled) => {
    const story = await withDecision(await pendingStory(keys), {});
    const evidence = wholeEvidence(story, standing('pending'));
    const { inputs } = evidence;
    inputs.decisions = inputs.decisions.map((decision) => ({
      ...decision,
      directories: decision.directories.map((part) => withAccounts(part, now)),
    }));
    inputs.directory_at_creation = withAccounts(inputs.directory_at_creation, before);
    const found = (await notHeld(evidence, story))['deciders_entitled'] ?? '';
    expect(/^failed: .*behind the request/.test(found)).toBe(!isEntitled);
  });
});
