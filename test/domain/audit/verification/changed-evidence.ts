import { evidenceSchema } from '../../../../domain/audit/verification/verify.ts';
import { LIFECYCLES } from './lifecycles.ts';
import {
  evidenceOfTree,
  mutated,
  pathsOf,
  treeOf,
  type Mutation,
  type Path,
  type Tree,
} from './mutations.ts';
import type { Keys } from './story.ts';

/**
 * What somebody with the whole database changes in one place, with the chain made anew, and what no check names: each with
 * the reason. Everything else is a failure, or is not shown.
 */
const NOT_COVERED: readonly (readonly [why: string, node: RegExp, kinds?: readonly Mutation['kind'][]])[] = [
  [
    'is looked up by its name: order and repetition mean nothing',
    /^(envelopes|inputs)\b/,
    ['swap', 'duplicate'],
  ],
  ['is a set', /^leaves\.#\.(facts\.(seats|lineage_persons)|evidence\.refs)\.#$/, ['swap', 'duplicate']],
  ['two decisions may be recorded in either order', /^leaves\.#$/, ['swap']],
  ['parts may be erased, and lists of them are shown', /^(payloads|leaves\.#\.commit)\b/],
  ['the clocks of several machines may be a minute apart', /^leaves\.#\.at$/, ['change']],
  ['names an entry or an account by what only the server knows', /^leaves\.#\.(id|nonce|actor|temporal)\b/],
  [
    'the accounts behind a request are signed, their pseudonyms are not',
    /^leaves\.#\.facts\.lineage(\.#\.account)?$/,
  ],
  ['people behind a request are found again in the directory', /^leaves\.#\.facts\.lineage_persons\b/],
  ['an entry that nobody signed may name signatures', /^leaves\.#\.evidence$/, ['change']],
  ['only decisions and withdrawals are compared with their signatures', /^leaves\.#\.evidence\b/],
  ['which of the active policies a step was made under', /^leaves\.#\.policy\b/],
  ['a digest from before the round', /^leaves\.#\.decision_digest$/, ['change']],
  ['a probe after a crash knows no fingerprint', /^leaves\.#\.facts\.fingerprint$/],
  ['a round that seems to begin later only escalates later', /^leaves\.#\.facts\.pending_since$/, ['change']],
  ['what no later step counts by', /^leaves\.#\.facts(\.(round|by|attempt))?$/],
  [
    'the names of rules are not part of what people require',
    /^leaves\.#\.facts\.requirement\.rules\.#\.rule$/,
  ],
  ['the streams that govern everybody are verified by themselves', /^inputs\.policy_entries\b/],
  ['what switches stop is asked of what was executed', /^inputs\.switch_(parts|entries)\b/],
  ['the streams that govern everybody are verified by themselves', /^inputs\.directory_changes\.#\.entry\b/],
  ['another engine makes a wrong answer unshown, not right', /^inputs\.facts\.#\.engine\b/],
  ['others than the file may have brought or deactivated people', /^inputs\..*\bpeople\b/],
  ['names are kept where they can be erased', /^inputs\..*\.(agents|people)$/, ['change']],
  ['a policy that nothing was evaluated by', /^inputs\.policies\.#$/, ['delete']],
  ['attempts have numbers: their rows have no order', /^state\.executions\.#$/, ['swap']],
  ['is measured, and shown beside the plan', /^inputs\.plans\.#\.body\.locks_held_ms$/],
  ['an ended request keeps what it was about last', /^state\.(decision_digest|plan_digest)$/],
  [
    'is looked up by its name, and one a name is in the database',
    /^state\.(decisions|row\.open_selectors)\.#$/,
    ['swap', 'duplicate'],
  ],
];

export interface Case {
  readonly name: string;
  readonly tree: Tree;
  readonly text: string;
  readonly paths: readonly Path[];
}

/** Evidence of each course of a request, with the nodes that are worth a change. */
export function casesOf(keys: Keys): Promise<readonly Case[]> {
  return Promise.all(
    Object.entries(LIFECYCLES).map(async ([name, make]) => {
      const tree = treeOf(await make(keys));
      return {
        name,
        tree,
        text: JSON.stringify(evidenceOfTree(tree)),
        paths: pathsOf(tree).filter(isWorthATry),
      };
    }),
  );
}

/** A digest protects all of a stored body alike: a few nodes of each will do. */
function isWorthATry(path: Path): boolean {
  return !path.includes('body') || path.length < 6;
}

function isCovered({ path, kind }: Mutation): boolean {
  const node = path.map((name) => (typeof name === 'number' ? '#' : name)).join('.');
  return !NOT_COVERED.some(([, pattern, kinds]) => pattern.test(node) && (kinds?.includes(kind) ?? true));
}

/** Evidence after the change; null when there is no such change, or it changes nothing. */
export function evidenceAfter(
  { tree, text }: Case,
  mutation: Mutation,
): ReturnType<typeof evidenceOfTree> | null {
  if (!isCovered(mutation)) return null;
  const after = mutated(tree, mutation);
  const evidence = after && evidenceOfTree(after);
  if (!evidence || JSON.stringify(evidence) === text) return null;
  // What is not of the form of evidence is refused before anything is checked.
  return evidenceSchema.safeParse(evidence).success ? evidence : null;
}
