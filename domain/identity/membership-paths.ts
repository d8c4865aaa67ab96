import type { Directory } from './directory.ts';

/**
 * How a person is in each of their groups: the groups from the one that names the person to the group itself, by the
 * shortest way. One group alone is a membership that is not nested.
 */
export function membershipPaths(
  { groups }: Directory,
  person: string,
): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  let reached = groups.filter(({ members }) => members.includes(person)).map(({ id }) => [id]);
  while (reached.length > 0) {
    const found: string[][] = [];
    for (const path of reached) {
      const last = path.at(-1) ?? '';
      if (paths.has(last)) continue;
      paths.set(last, path);
      const around = groups.filter((group) => group.groups.includes(last));
      found.push(...around.map(({ id }) => [...path, id]));
    }
    reached = found;
  }
  return paths;
}
