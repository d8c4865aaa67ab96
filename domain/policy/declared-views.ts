import { canonicalJson } from '../crypto/canonical-json.ts';
import type { BoundFacts } from '../conditions/binding.ts';
import type { ValueRead } from '../conditions/values-read.ts';
import type { ResolvedFacts } from './fact-declarations.ts';
import type { PolicyFacts } from './built-in-facts.ts';
import type { RequestFacts } from './request-facts.ts';

/**
 * The same facts as they would be had the caller declared nothing, and as they would be were what it declares proven; none
 * where it declares nothing. With the strictest answer of all views no caller's own word loosens anything, and
 * people who are named are covered by what forbids or requires more.
 */
export function declaredViews(facts: PolicyFacts): readonly PolicyFacts[] {
  const { request } = facts;
  if (request.declared_on_behalf_of === '' && request.with_declared === undefined) return [];
  const without = { ...facts, request: withoutDeclared(request) };
  const { with_declared: named, ...known } = request;
  if (named === undefined) return [without];
  const { on_behalf_of: _proven, ...rest } = known;
  const asIfProven = { ...facts, request: { ...rest, ...named } };
  return [without, facts.facts ? { ...asIfProven, facts: factsAsNamed(facts.facts) } : asIfProven];
}

function withoutDeclared({ with_declared: _named, ...request }: RequestFacts): RequestFacts {
  return { ...request, declared_on_behalf_of: '' };
}

function factsAsNamed(facts: ResolvedFacts): ResolvedFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => {
      if (fact.is_named !== true) return [name, fact];
      return [name, { ...fact, value: { ...fact.value, is_in_chain: true } }];
    }),
  );
}

/**
 * What conditions see: all facts, and, where the caller declares something that no token proves, the views of
 * `declaredViews`. All are asked, and the strictest answer holds: nobody's own word loosens anything.
 */
export interface BoundViews {
  readonly all: BoundFacts;
  readonly others: readonly BoundFacts[];
}

/** However many views there are, it is one evaluation: patterns share their steps. */
export function boundViews(
  bind: (known: PolicyFacts) => BoundFacts,
  facts: PolicyFacts,
  others: readonly PolicyFacts[],
): BoundViews {
  const all = bind(facts);
  return { all, others: others.map((view) => ({ ...bind(view), steps: all.steps })) };
}

/** The same change in each. */
export function eachView({ all, others }: BoundViews, change: (view: BoundFacts) => BoundFacts): BoundViews {
  return { all: change(all), others: others.map(change) };
}

/**
 * What was read in a view. Each value that is there in this view only is marked, so that nobody takes for proven what
 * nobody proved, nor for undeclared what was declared.
 */
export function markedValues(
  readIn: (facts: BoundFacts) => readonly ValueRead[],
  view: BoundFacts,
  { all, others: [without] }: BoundViews,
): readonly ValueRead[] {
  if (view === all) return readIn(view);
  const held = new Map(readIn(all).map(({ path, value }) => [path, canonicalJson(value)]));
  const as_if = view === without ? 'undeclared' : 'proven';
  return readIn(view).map((read) =>
    held.get(read.path) === canonicalJson(read.value) ? read : { ...read, as_if },
  );
}
