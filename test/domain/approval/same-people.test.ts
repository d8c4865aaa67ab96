import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { approversLeft } from '../../../domain/approval/satisfiable.ts';
import type { Directory } from '../../../domain/identity/directory.ts';
import { ROTATION } from '../calendar/examples.ts';
import { reviewBy, examplePerson, ISSUER, requirement, stage } from '../examples.ts';
import { by, factsWith, outcome } from './decisions.ts';

const PEOPLE = ['ada', 'olga', 'omar', 'dmitri'];

const anyPeople = fc.subarray(PEOPLE);
const anyDirectory: fc.Arbitrary<Directory> = fc
  .record({ active: anyPeople, dba: anyPeople, leads: anyPeople })
  .map(({ active, dba, leads }) => ({
    people: PEOPLE.map((id) => examplePerson(id, { active: active.includes(id) })),
    agents: [],
    groups: [
      { id: 'dba', members: dba, groups: [] },
      { id: 'leads', members: leads, groups: [] },
    ],
  }));

const anyCase = fc.record({
  now: anyDirectory,
  atCreation: anyDirectory,
  asks: fc.constantFrom(...PEOPLE),
  selector: fc.constantFrom('owners', 'group:dba', 'user:olga', 'oncall:sre'),
  owners: fc.constantFrom<readonly string[]>(['group:dba'], ['group:leads'], ['user:omar'], []),
  ownersAtCreation: fc.constantFrom<readonly string[]>(['group:dba'], ['group:leads'], ['user:omar'], []),
});

it('one who may decide is counted among those who could, and nobody else but those on call later', () => {
  fc.assert(
    fc.property(anyCase, ({ now, atCreation, asks, selector, owners, ownersAtCreation }) => {
      const rotations = [{ ...ROTATION, people: ['olga', 'omar'] }];
      const required = requirement([reviewBy([stage([selector as 'owners'])])]);
      const lineage = [{ role: 'requester', issuer: ISSUER, subject: `sub-${asks}` }] as const;
      const request = { requirement: required, lineage, owners };
      const changes = { request, now, atCreation, rotations, ownersAtCreation };
      const { directories } = factsWith(changes);
      const counted = approversLeft({ requirement: required, lineage, owners, directories });
      const deciding = PEOPLE.filter((person) => outcome({ ...changes, attempt: by(person) }) === 'ok');
      if (selector === 'oncall:sre') expect(counted).toEqual(expect.arrayContaining(deciding));
      else expect(counted.toSorted()).toEqual(deciding.toSorted());
    }),
    { numRuns: 500 },
  );
});
