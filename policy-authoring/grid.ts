import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { evaluate, type Evaluation } from '../domain/policy/evaluation.ts';
import { Expression } from '../domain/conditions/expression.ts';
import { pathText } from '../domain/conditions/reads.ts';
import type { Agent } from '../domain/identity/directory.ts';
import type { ActionDefinition, PolicySet, Target } from '../domain/policy/policy.ts';
import { requestFacts, type RequestFacts } from '../domain/policy/request-facts.ts';
import { isFrozen, recalledFacts, riskFactTypes, type StoredFacts } from '../domain/policy/built-in-facts.ts';
import {
  axesOf,
  cellsOf,
  factsOf,
  REQUESTER_PATH,
  withLookups,
  type Axis,
  type Cell,
  type GridScope,
} from './grid-cells.ts';
import { GridClock, type TimedPolicy } from './grid-time.ts';
import { indexOf } from '../domain/policy/rule-index.ts';
import { isLineAbout } from '../domain/policy/risk.ts';
import { remembered } from '../domain/once-per.ts';
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
  /** A freeze of the base holds it back after approval, and no freeze of the candidate does. */
  readonly is_released: boolean;
}

export interface GridReport {
  readonly cells: number;
  /** False when a limit ended the walk before all cells were seen. */
  readonly is_complete: boolean;
  readonly looser: number;
  readonly stricter: number;
  /** The first of them, at most one a rule, action and target. */
  readonly counterexamples: readonly Counterexample[];
}

const CELLS_MAX = 50_000;
const CELLS_OF_RULE_MAX = 2_000;
const SHOWN_MAX = 20;

/**
 * Evaluates both policies on the boundary cases of every rule: all values of enums and flags that its condition reads, each
 * number in it, one less and one more, and the instants at which calendars or freezes of either policy change. Each policy
 * sees the instant by its own clocks, and who asks by its own directory. What it finds is real; what it does not find proves
 * nothing beyond the grid.
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

class Walk {
  readonly #policies: readonly [PolicySet, PolicySet];
  readonly #windows: PolicySet['windows'];
  readonly #clock: GridClock;
  readonly #requesters: readonly ChangedRequester[];
  readonly #shown = new Map<string, Counterexample>();
  #cells = 0;
  #looser = 0;
  #stricter = 0;
  #isComplete = true;

  constructor(base: PolicySet, candidate: PolicySet) {
    this.#policies = [base, candidate];
    const fresh = candidate.windows.filter(({ id }) => base.windows.every((known) => known.id !== id));
    this.#windows = [...base.windows, ...fresh];
    this.#clock = new GridClock(this.#policies);
    this.#requesters = changedRequesters(base, candidate);
  }

  report(): GridReport {
    return {
      cells: this.#cells,
      is_complete: this.#isComplete,
      looser: this.#looser,
      stricter: this.#stricter,
      counterexamples: [...this.#shown.values()],
    };
  }

  visit(action: ActionDefinition, target: Target): void {
    const types = riskFactTypes({ ...this.#policies[0], windows: this.#windows }, action);
    const scope = { action, target, types };
    for (const question of questionsOf(this.#policies, scope)) {
      let count = 0;
      for (const cell of cellsOf(this.#axes(scope, question))) {
        count += 1;
        if (count > CELLS_OF_RULE_MAX || this.#cells >= CELLS_MAX) {
          this.#isComplete = false;
          break;
        }
        this.#compare(question.rule, scope, cell);
      }
    }
  }

  /** The rarest differences come first: a limit cuts off at the end. */
  #axes(scope: GridScope, { conditions, hasBreakGlass, isFreezeSeen }: Question): readonly Axis[] {
    const [base, candidate] = this.#policies;
    const timed = [timedBy(base, scope.target), timedBy(candidate, scope.target)] as const;
    const time = this.#clock.axis(scope.action, timed, { conditions, isFreezeSeen });
    const paths = conditions.flatMap((text) => new Expression(text).paths);
    const requester = requesterAxis(this.#requesters, paths);
    const people = requester
      ? this.#requesters.flatMap((one) => [...one.base.chain, ...one.candidate.chain])
      : [];
    const read = axesOf(conditions, { types: scope.types, hasBreakGlass, people });
    const facts = withLookups(read, conditions, { action: scope.action.action, policies: this.#policies });
    return [requester, time, ...facts].filter((axis) => axis !== null);
  }

  #compare(rule: string | null, scope: GridScope, cell: Cell): void {
    this.#cells += 1;
    const [base, candidate] = this.#outcomesOf(scope, cell);
    // A target that the candidate no longer has cannot be requested any more.
    if (!base || !candidate) return;
    // Counted once, for the question without a rule.
    const isReleased = rule === null && isReleasing(base, candidate);
    if (!isReleased && !isLooser(candidate.evaluation, base.evaluation)) {
      this.#stricter += isStricter(rule, base, candidate) ? 1 : 0;
      return;
    }
    this.#looser += 1;
    const key = JSON.stringify([rule, scope.action.action, scope.target.id]);
    if (this.#shown.has(key) || this.#shown.size >= SHOWN_MAX) return;
    const facts = Object.fromEntries([...cell].map(([path, { value = 'absent' }]) => [path, value]));
    const at = { rule, action: scope.action.action, target: scope.target.id, facts };
    const both = { base: base.evaluation, candidate: candidate.evaluation };
    this.#shown.set(key, { ...at, ...both, is_released: isReleased });
  }

  #outcomesOf(scope: GridScope, cell: Cell): readonly [Outcome | null, Outcome | null] {
    const stored = factsOf(scope, cell);
    const name = cell.get(pathText(REQUESTER_PATH))?.value;
    const requester = this.#requesters.find((one) => one.name === name);
    const [base, candidate] = this.#policies;
    return [
      outcomeOf(base, requestedBy(stored, requester?.base)),
      outcomeOf(candidate, requestedBy(stored, requester?.candidate)),
    ];
  }
}

function isReleasing(base: Outcome, candidate: Outcome): boolean {
  return base.isHeld && !candidate.isHeld && candidate.evaluation.effect !== 'forbid';
}

function isStricter(rule: string | null, base: Outcome, candidate: Outcome): boolean {
  return isLooser(base.evaluation, candidate.evaluation) || (rule === null && isReleasing(candidate, base));
}

interface Outcome {
  readonly evaluation: Evaluation;
  /** A freeze would hold it back even when it is approved. */
  readonly isHeld: boolean;
}

function outcomeOf(policy: PolicySet, stored: StoredFacts): Outcome | null {
  const facts = recalledFacts(policy, stored, policy.directory);
  if (!facts) return null;
  const evaluation = evaluate(policy, facts, 'planned');
  return { evaluation, isHeld: isFrozen(policy, facts) && !evaluation.is_break_glass };
}

function requestedBy(stored: StoredFacts, asker: ChangedRequester['base'] | undefined): StoredFacts {
  return asker ? { ...stored, request: { ...stored.request, ...asker } } : stored;
}

/** The target as the policy itself has it, or as the other one does. */
function timedBy(policy: PolicySet, target: Target): TimedPolicy {
  return { policy, target: policy.targets.find(({ id }) => id === target.id) ?? target };
}

/** A rule, or null for requests that meet no condition, with the conditions on whose boundaries the cases lie. */
interface Question {
  readonly rule: string | null;
  readonly conditions: readonly string[];
  readonly hasBreakGlass: boolean;
  /** A freeze changes the outcome without being read. */
  readonly isFreezeSeen: boolean;
}

/** One for each rule of either policy there, and two for requests that meet no condition: by risk, and by time. */
function questionsOf(policies: readonly [PolicySet, PolicySet], scope: GridScope): readonly Question[] {
  const { action, target } = scope;
  const rules = policies.flatMap((policy) =>
    indexOf(policy).candidates(action.action, timedBy(policy, target).target),
  );
  const risk = policies.flatMap((policy) => riskConditions(policy, scope));
  const hasBreakGlass = rules.some(({ rule }) => rule.break_glass);
  const conditions = new Map<string, string[]>();
  const allowing = new Set(rules.filter(({ rule }) => rule.effect === 'allow').map(({ rule }) => rule.id));
  for (const { rule } of rules) {
    const known = remembered(conditions, rule.id, () => []);
    if (rule.when === undefined || known.includes(rule.when)) continue;
    known.push(rule.when, ...(new Expression(rule.when).roots.has('risk') ? risk : []));
  }
  const questions = [...conditions].map(([rule, texts]) => ({
    rule,
    conditions: texts,
    hasBreakGlass,
    isFreezeSeen: allowing.has(rule),
  }));
  return [
    { rule: null, conditions: risk, hasBreakGlass, isFreezeSeen: false },
    { rule: null, conditions: [], hasBreakGlass, isFreezeSeen: true },
    ...questions,
  ];
}

function riskConditions({ risk }: PolicySet, { action, target }: GridScope): readonly string[] {
  const about = risk.lines.filter((line) => isLineAbout(line, action.action, target.environment));
  return about.map(({ when }) => when);
}

/** What a policy's own directory says about the requester. */
type Asker = Pick<RequestFacts, 'agent' | 'chain' | 'owner' | 'groups'>;

/** An agent that the directories of two policies see differently. */
interface ChangedRequester {
  /** Its id, for people. */
  readonly name: string;
  readonly base: Asker;
  readonly candidate: Asker;
}

/** More agents would multiply the grid; they are alike. */
const REQUESTERS_MAX = 8;

/** The agents whose id, owner, groups of the owner, or existence change: for them the same request has other facts under each policy. */
function changedRequesters(base: PolicySet, candidate: PolicySet): readonly ChangedRequester[] {
  const agents = new Map<string, Agent>();
  for (const agent of [...candidate.directory.agents, ...base.directory.agents])
    agents.set(JSON.stringify([agent.issuer, agent.subject]), agent);
  const changed = [...agents.values()].flatMap((agent) => {
    const pair = { base: askerOf(base, agent), candidate: askerOf(candidate, agent) };
    return JSON.stringify(pair.base) === JSON.stringify(pair.candidate) ? [] : [{ name: agent.id, ...pair }];
  });
  return changed.slice(0, REQUESTERS_MAX);
}

function askerOf({ directory }: PolicySet, { issuer, subject }: Agent): Asker {
  const lineage = [{ role: 'requester' as const, issuer, subject }];
  const facts = requestFacts(directory, { mode: 'execute', lineage, break_glass: false });
  const { agent, chain, owner = '', groups = [] } = facts;
  return { agent, chain, owner, groups };
}

const REQUESTER_FACTS = ['request.agent', 'request.chain', 'request.owner', 'request.groups'] as const;

/** The axis of those agents, if conditions read the requester; null if they do not, or no agent changes. */
function requesterAxis(requesters: readonly ChangedRequester[], paths: readonly string[]): Axis | null {
  const isRead = paths.some((path) => REQUESTER_FACTS.some((fact) => path.startsWith(fact)));
  if (!isRead || requesters.length === 0) return null;
  return { path: REQUESTER_PATH, values: [undefined, ...requesters.map(({ name }) => name)] };
}
