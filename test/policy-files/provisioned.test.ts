import { describe, expect, it } from 'vitest';

import { classifyChange } from '../../domain/policy-diff/diff.ts';
import { policyOf, problemsOf, withLine, type Files } from './policy-folder.ts';

/** The directory with its first group as given: line 9. */
const group = (line: string): Files => withLine('directory.yaml', 9, `  - ${line}`);

const BOUND = '{ id: dba, authority: scim:okta, external_id: 00g1dba }';

describe('a group that policy names by the id of its provider', () => {
  it('keeps that id, on the way to files and back as well', async () => {
    const policy = await policyOf(group(BOUND));
    const bound = { id: 'dba', authority: 'scim:okta', external_id: '00g1dba', members: [], groups: [] };
    expect(policy.directory.groups[0]).toEqual(bound);
  });

  it('leaves a group without one as it was: the digest of what is stored must not change', async () => {
    const policy = await policyOf(group('{ id: dba, authority: scim:okta }'));
    expect(policy.directory.groups[0]).toEqual({
      id: 'dba',
      authority: 'scim:okta',
      members: [],
      groups: [],
    });
  });

  it('is another one with another id: who decides cannot be seen from the structure', async () => {
    const [base, candidate] = [
      await policyOf(group(BOUND)),
      await policyOf(group(BOUND.replace('00g1dba', '00g2'))),
    ];
    expect(classifyChange(base, candidate).kind).not.toBe('neutral');
  });

  it.each([
    ['{ id: dba, members: [olga], external_id: 00g1 }', 'only of a group whose authority is scim:NAME'],
    [
      '{ id: dba, authority: claims:demo, external_id: 00g1 }',
      'only of a group whose authority is scim:NAME',
    ],
    [
      `${BOUND}\n  - { id: sre, authority: scim:okta, external_id: 00g1dba }`,
      "duplicate external id '00g1dba' (first at directory.yaml:",
    ],
  ])('is refused where it means nothing, or two groups: %s', async (line, problem) => {
    expect((await problemsOf(group(line))).join('\n')).toContain(problem);
  });
});
