import { leafHash } from '../../../../domain/audit/leaf.ts';
import { canonicalJson } from '../../../../domain/crypto/canonical-json.ts';
import type { Digest } from '../../../../domain/crypto/digest.ts';
import { minute } from './policy.ts';
import type { WholeEvidence } from './whole.ts';

/** Evidence as a tree in which somebody with the whole database changes one node. Entries are trees, too. */
export type Tree = { [name: string]: Tree } | Tree[] | string | number | boolean | null;

export type Path = readonly (string | number)[];

/** One change of one node; which of several a value has is named by a number. */
export interface Mutation {
  readonly path: Path;
  readonly kind: 'delete' | 'duplicate' | 'swap' | 'change';
  readonly variant: number;
}

export function treeOf(evidence: WholeEvidence): Tree {
  const { leaves, inputs, ...rest } = structuredClone(evidence);
  const { policy_entries, directory_changes, ...others } = inputs;
  return {
    ...rest,
    leaves: leaves.map(parse),
    inputs: {
      ...others,
      policy_entries: policy_entries.map(parse),
      directory_changes: directory_changes.map((change) => ({
        ...change,
        entry: parse(change.entry ?? 'null'),
      })),
    },
  } as unknown as Tree;
}

function parse(text: string): Tree {
  return JSON.parse(text) as Tree;
}

/** Every node but the root. */
export function pathsOf(tree: Tree, at: Path = []): Path[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([name, child]) => {
    const path = [...at, Array.isArray(tree) ? Number(name) : name];
    return [path, ...pathsOf(child, path)];
  });
}

export function nodeAt(tree: Tree, path: Path): Tree {
  return path.reduce<Tree>((node, name) => (node as Record<string | number, Tree>)[name] ?? null, tree);
}

/** The tree after a change, or null when the node has no such change. */
export function mutated(tree: Tree, { path, kind, variant }: Mutation): Tree | null {
  const copy = structuredClone(tree);
  const parent = nodeAt(copy, path.slice(0, -1));
  const name = path.at(-1) ?? '';
  if (kind === 'change') return changed(copy, path, variant);
  if (kind === 'delete') {
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else delete (parent as Record<string, Tree>)[name];
    return copy;
  }
  if (!Array.isArray(parent)) return null;
  const index = Number(name);
  const node = parent[index] ?? null;
  if (kind === 'duplicate') parent.splice(index, 0, structuredClone(node));
  else if (index + 1 < parent.length) parent.splice(index, 2, parent[index + 1] ?? null, node);
  else return null;
  return copy;
}

function changed(copy: Tree, path: Path, variant: number): Tree | null {
  const parent = nodeAt(copy, path.slice(0, -1)) as Record<string | number, Tree>;
  const name = path.at(-1) ?? '';
  const node = parent[name] ?? null;
  const others = othersFor(copy, name, node);
  const other = others[variant % Math.max(others.length, 1)];
  if (other === undefined) return null;
  parent[name] = structuredClone(other);
  return copy;
}

/** What stands under the same name elsewhere, and what a forger would write instead of a value of its kind. */
function othersFor(tree: Tree, name: string | number, node: Tree): readonly Tree[] {
  const elsewhere = typeof name === 'number' ? [] : allUnder(tree, name);
  const candidates = [...elsewhere, ...madeUp(node)];
  const forms = new Map(candidates.map((value) => [canonicalJson(value), value]));
  forms.delete(canonicalJson(node));
  return [...forms.values()];
}

function allUnder(tree: Tree, name: string): Tree[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([key, child]) => [
    ...(key === name ? [child] : []),
    ...allUnder(child, name),
  ]);
}

function madeUp(node: Tree): readonly Tree[] {
  if (node === null) return ['x'];
  if (typeof node === 'boolean') return [!node, null];
  if (typeof node === 'number') return [node + 1, node - 1, 0, null];
  if (typeof node !== 'string') return [Array.isArray(node) ? [] : {}, null];
  if (/^\d{4}-/.test(node))
    return [minute(-600), minute(0), minute(3), minute(20), minute(500), minute(2000)];
  if (node.startsWith('sha256:')) return [`sha256:${'0'.repeat(64)}`, null];
  return [`${node}x`, '', null];
}

/** An entry of a tree may lack whatever it must have. */
interface LooseLeaf {
  readonly id?: unknown;
  readonly stream?: { readonly run?: unknown };
}

interface LooseEvidence {
  readonly leaves?: unknown;
  readonly inputs?: { readonly policy_entries?: unknown; readonly directory_changes?: unknown };
}

/** Evidence of a tree: entries numbered and chained anew, as somebody with the whole log could. */
export function evidenceOfTree(tree: Tree): WholeEvidence {
  const { leaves, inputs, ...rest } = tree as LooseEvidence;
  if (!isLoose<NonNullable<LooseEvidence['inputs']>>(inputs) || !Array.isArray(leaves))
    return { ...rest, leaves, inputs } as unknown as WholeEvidence;
  return {
    ...rest,
    leaves: chained(leaves),
    inputs: {
      ...inputs,
      policy_entries: mapped(inputs.policy_entries, (entry) => canonicalJson(entry)),
      directory_changes: mapped(inputs.directory_changes, withText),
    },
  } as unknown as WholeEvidence;
}

function withText(change: unknown): unknown {
  if (!isLoose<{ readonly entry?: unknown }>(change)) return change;
  const { entry = null } = change;
  return { ...change, entry: entry === null ? null : canonicalJson(entry) };
}

/** What is no list stays as it is, and is not of the form of evidence. */
function mapped(list: unknown, change: (one: unknown) => unknown): unknown {
  return Array.isArray(list) ? list.map(change) : list;
}

function chained(leaves: readonly unknown[]): string[] {
  const last = new Map<unknown, { n: number; hash: Digest }>();
  const ids = new Set<unknown>();
  return leaves.map((leaf) => {
    if (!isLoose(leaf)) return canonicalJson(leaf);
    const run = leaf.stream?.run;
    const before = last.get(run);
    const id = ids.has(leaf.id) ? { id: `${String(leaf.id)}/again` } : {};
    ids.add(leaf.id);
    const n = before ? before.n + 1 : 0;
    const text = canonicalJson({ ...leaf, ...id, n, prev: before?.hash ?? null });
    last.set(run, { n, hash: leafHash(text) });
    return text;
  });
}

function isLoose<Loose extends object = LooseLeaf>(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
