import type { JsonValue } from './canonical-json.ts';
import { evaluate, type Evaluation } from './evaluation.ts';
import { Expression } from './expressions/expression.ts';
import type { ActionDefinition, PolicySet, Target } from './policy.ts';
import { recalledFacts, riskFactTypes, type StoredFacts } from './policy-facts.ts';
import {
  axesOf,
  cellsOf,
  factsOf,
  withLookups,
  type Axis,
  type Cell,
  type GridPlace,
} from './policy-grid-cells.ts';
import { indexOf } from './policy-index.ts';
import { isLineAbout } from './risk.ts';
import { isLooser } from './strictness.ts';

/** A request that the candidate treats more loosely than the base does. */
export interface Counterexample {
  /** Id of the rule on whose boundary it lies, or null where a request meets no condition. */
  readonly rule: string | null;
  readonly action: string;
  readonly target: string;
  /** The facts of that cell, by the path that conditions read. */
  readonly facts: Readonly<Record<string, JsonValue>>;
  readonly base: Evaluation;
  readonly candidate: Evaluation;
}

/** What a walk over the grid found. */
export interface GridReport {
  readonly cells: number;
  /** False when a limit ended the walk before all cells were seen. */
  readonly is_complete: boolean;
  readonly looser: number;
  /** The first of them, at most one a rule, action and target. */
  readonly counterexamples: readonly Counterexample[];
}

const CELLS_MAX = 50_000;
const CELLS_OF_RULE_MAX = 2_000;
const SHOWN_MAX = 20;

/**
 * Asks both policies about the boundary cases of every rule: all values of enums and flags that its condition reads, and
 * each number in it, one less and one more. What it finds is real; what it does not find proves nothing beyond the grid.
 */
export function walkGrid(base: PolicySet, candidate: PolicySet): GridReport {
  const walk = new Walk(base, candidate);
  for (const action of base.actions) {
    for (const target of base.targets) {
      if (target.resource_type === action.resource_type) walk.visit(action, target);
    }
  }
  return walk.report();
}

interface Boundary {
  readonly rule: string | null;
  readonly axes: readonly Axis[];
}

class Walk {
  readonly #base: PolicySet;
  readonly #candidate: PolicySet;
  readonly #windows: PolicySet['windows'];
  readonly #shown = new Map<string, Counterexample>();
  #cells = 0;
  #looser = 0;
  #isComplete = true;

  constructor(base: PolicySet, candidate: PolicySet) {
    this.#base = base;
    this.#candidate = candidate;
    const fresh = candidate.windows.filter(({ id }) => base.windows.every((known) => known.id !== id));
    this.#windows = [...base.windows, ...fresh];
  }

  report(): GridReport {
    return {
      cells: this.#cells,
      is_complete: this.#isComplete,
      looser: this.#looser,
      counterexamples: [...this.#shown.values()],
    };
  }

  visit(action: ActionDefinition, target: Target): void {
    const types = riskFactTypes({ ...this.#base, windows: this.#windows }, action);
    for (const boundary of boundariesOf([this.#base, this.#candidate], { action, target, types })) {
      let count = 0;
      for (const cell of cellsOf(boundary.axes)) {
        count += 1;
        if (count > CELLS_OF_RULE_MAX || this.#cells >= CELLS_MAX) {
          this.#isComplete = false;
          break;
        }
        this.#compare(boundary, { action, target, types }, cell);
      }
    }
  }

  #compare({ rule }: Boundary, place: GridPlace, cell: Cell): void {
    this.#cells += 1;
    const stored = factsOf(place, cell);
    const base = outcomeOf(this.#base, stored);
    const candidate = outcomeOf(this.#candidate, stored);
    // A target that the candidate no longer knows can be asked for no more.
    if (!base || !candidate || !isLooser(candidate, base)) return;
    this.#looser += 1;
    const key = JSON.stringify([rule, place.action.action, place.target.id]);
    if (this.#shown.has(key) || this.#shown.size >= SHOWN_MAX) return;
    const facts = Object.fromEntries([...cell].map(([path, { value = 'absent' }]) => [path, value]));
    const at = { rule, action: place.action.action, target: place.target.id };
    this.#shown.set(key, { ...at, facts, base, candidate });
  }
}

function outcomeOf(policy: PolicySet, stored: StoredFacts): Evaluation | null {
  const facts = recalledFacts(policy, stored, policy.directory);
  return facts && evaluate(policy, facts, 'planned');
}

/** One boundary for each rule of either policy there, and one for requests that meet no condition. */
function boundariesOf(policies: readonly [PolicySet, PolicySet], place: GridPlace): readonly Boundary[] {
  const { action, target, types } = place;
  const rules = policies.flatMap((policy) => {
    const own = policy.targets.find(({ id }) => id === target.id) ?? target;
    return indexOf(policy).candidates(action.action, own);
  });
  const risk = policies.flatMap((policy) => riskConditions(policy, place));
  const hasShortPath = rules.some(({ rule }) => rule.break_glass);
  const conditions = new Map<string, string[]>();
  for (const { rule } of rules) {
    const known = conditions.get(rule.id) ?? [];
    conditions.set(rule.id, known);
    if (rule.when === undefined || known.includes(rule.when)) continue;
    known.push(rule.when, ...(new Expression(rule.when).roots.has('risk') ? risk : []));
  }
  const axes = (texts: readonly string[]): readonly Axis[] =>
    withLookups(axesOf(texts, types, hasShortPath), texts, { action: action.action, policies });
  return [
    { rule: null, axes: axes(risk) },
    ...[...conditions].map(([rule, texts]) => ({ rule, axes: axes(texts) })),
  ];
}

function riskConditions({ risk }: PolicySet, { action, target }: GridPlace): readonly string[] {
  const about = risk.lines.filter((line) => isLineAbout(line, action.action, target.environment));
  return about.map(({ when }) => when);
}
