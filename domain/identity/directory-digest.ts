import { digestOf, type Digest } from '../crypto/digest.ts';
import { oncePer } from '../once-per.ts';
import type { Directory } from './directory.ts';

/**
 * The digest that names a directory in records of evaluations: who was there, with which accounts, who was active, who
 * answered for whom, and who was in which group. Names are not part of it, so that they can be erased.
 */
export const directoryDigest = oncePer((directory: Directory): Digest => {
  const people = directory.people.map(({ name: _name, ...rest }) => rest);
  const agents = directory.agents.map(({ name: _name, ...rest }) => rest);
  return digestOf({ people, agents, groups: directory.groups });
});
