import { counted } from '../../cards/counted.ts';
import { commitment, leafHash, type Leaf, type LeafType } from '../leaf.ts';
import type { Digest } from '../../crypto/digest.ts';
import { nameOf, type Material } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/** Every entry is the canonical text of a known form, small enough for the log, and belongs to this request. */
export function leavesCanonical({ material }: Subject): Finding {
  const { evidence, entries, problems } = material;
  const foreign = entries
    .filter(
      ({ leaf }) =>
        leaf.stream.request !== evidence.request || leaf.temporal.workflow !== leaf.stream.request,
    )
    .map(({ leaf }) => `${nameOf(leaf)} belongs to another request`);
  const none = evidence.leaves.length === 0 ? ['there are no entries'] : [];
  return { problems: [...none, ...problems.form, ...foreign], checked: counted(entries.length, 'entry') };
}

/** What the later checks compute with is there, in every entry that must hold it. */
export function factsComplete({ material }: Subject): Finding {
  const count = material.pendings.length + material.decisions.length;
  return { problems: material.problems.facts, checked: `${counted(count, 'entry')} with facts to replay` };
}

/** In each run, entries count 0, 1, 2, … and each carries the hash of the one before: none was removed or changed. */
export function chainUnbroken({ entries }: Pick<Material, 'entries'>): Finding {
  const last = new Map<string, { readonly n: number; readonly hash: Digest }>();
  const problems: string[] = [];
  for (const { text, leaf } of entries) {
    const before = last.get(leaf.stream.run);
    const expected = before ? before.n + 1 : 0;
    if (leaf.n !== expected) problems.push(`${nameOf(leaf)} stands where entry ${expected} belongs`);
    if (leaf.prev !== (before?.hash ?? null))
      problems.push(`${nameOf(leaf)} does not follow from the entry before it`);
    if (leaf.temporal.run !== leaf.stream.run) problems.push(`${nameOf(leaf)} names two runs`);
    last.set(leaf.stream.run, { n: leaf.n, hash: leafHash(text) });
  }
  problems.push(...repeatedIds(entries.map(({ leaf }) => leaf)));
  return { problems, checked: `${counted(last.size, 'stream')}, no gap` };
}

function repeatedIds(leaves: readonly Leaf[]): string[] {
  const seen = new Set<string>();
  return leaves.flatMap((leaf) => {
    const isRepeated = seen.has(leaf.id);
    seen.add(leaf.id);
    return isRepeated ? [`${nameOf(leaf)} repeats an id`] : [];
  });
}

/** Entries that another run may leave without having done anything. */
const HARMLESS: ReadonlySet<LeafType> = new Set([
  'decision.refused',
  'decision.attempt_refused',
  'decision.unauthenticated',
  'request.withdrawal_refused',
  'request.orphaned',
]);

/** One run of the workflow did everything. A reset or a forged start is another run and shows as a fork. */
export function singleRun({ material }: Subject): Finding {
  const runs = Map.groupBy(material.entries, ({ leaf }) => leaf.stream.run);
  const forks = [...runs].filter(([run]) => run !== material.stream[0]?.stream.run);
  const problems = forks.flatMap(([run, entries]) => {
    const acts = entries.map(({ leaf }) => leaf.type).filter((type) => !HARMLESS.has(type));
    return acts.length === 0
      ? []
      : [`the run ${run} is a fork that recorded ${[...new Set(acts)].join(', ')}`];
  });
  const refused = forks.map(([run]) => run).join(', ');
  return { problems, checked: forks.length === 0 ? 'one run' : `one run acted; refused only: ${refused}` };
}

/** Every disclosed part is the one that its entry committed to. Parts that are not there are listed, not failed. */
export function commitmentsMatch({ material }: Subject): Finding {
  const byId = new Map(material.entries.map(({ leaf }) => [leaf.id, leaf]));
  const disclosed = new Set<string>();
  const problems = material.evidence.payloads.flatMap(({ event_id, part, salt, body }) => {
    const leaf = byId.get(event_id);
    const committed = leaf && Object.hasOwn(leaf.commit, part) ? leaf.commit[part] : undefined;
    if (!leaf || committed === undefined) return [`the part ${part} of ${event_id} belongs to no entry`];
    if (disclosed.has(partKey(event_id, part))) return [`${nameOf(leaf)}: the part ${part} is given twice`];
    disclosed.add(partKey(event_id, part));
    return commitment(salt, body) === committed ? [] : [`${nameOf(leaf)}: the part ${part} was changed`];
  });
  const missing = [...byId.values()].flatMap((leaf) =>
    Object.keys(leaf.commit)
      .filter((part) => !disclosed.has(partKey(leaf.id, part)))
      .map((part) => `${part} of entry ${leaf.n}`),
  );
  const listed = missing.length === 0 ? '' : `; erased or not shown: ${missing.join(', ')}`;
  return { problems, checked: `${counted(disclosed.size, 'part')}${listed}` };
}

function partKey(event: string, part: string): string {
  return `${event.length}:${event}${part}`;
}
