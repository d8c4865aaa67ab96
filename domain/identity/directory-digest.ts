import { digestOf, type Digest } from '../crypto/digest.ts';
import type { Directory } from './directory.ts';

/** Directories never change, so the digest of one is made once. */
const DIGESTS = new WeakMap<Directory, Digest>();

/**
 * The digest that names a directory in records of evaluations: who was there, with which accounts, who was active, who
 * answered for whom, and who was in which group. Names are not part of it, so that they can be erased.
 */
export function directoryDigest(directory: Directory): Digest {
  const known = DIGESTS.get(directory);
  if (known) return known;
  const people = directory.people.map(({ name: _name, ...rest }) => rest);
  const agents = directory.agents.map(({ name: _name, ...rest }) => rest);
  const made = digestOf({ people, agents, groups: directory.groups });
  DIGESTS.set(directory, made);
  return made;
}
