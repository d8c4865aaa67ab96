import type { Leaf, LeafType } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { StoredPlan } from '../../request/plan.ts';
import { planOf } from './course.ts';
import type { Material } from './evidence.ts';
import type { ShownRow } from '../../../contract/evidence.ts';

/** The entries that say what came of a request. */
export interface RowSources {
  readonly material: Material;
  /** The entry that says how it stands. */
  readonly ending: Leaf | undefined;
  /** The entry that opened its last round, or let it through. */
  readonly opened: Leaf | undefined;
}

/** Compared with a part that an entry committed to; null where that part is erased. */
function isPart(
  { evidence: { payloads } }: Material,
  leaf: Leaf,
  { name, value }: { readonly name: string; readonly value: unknown },
): boolean | null {
  const found = payloads.find(({ event_id: id, part }) => id === leaf.id && part === name);
  return found ? found.body === canonicalJson(value) : null;
}

/** What an execution came to, in the words of its target: only where one succeeded. */
export function resultIn({ material, ending }: RowSources, { result }: ShownRow): boolean | null {
  if (ending?.type !== 'execution.succeeded' || ending.commit['result'] === undefined) return result === null;
  return isPart(material, ending, { name: 'result', value: result });
}

/** Why nothing came of it: the code stands in the entry, the detail is a part of it. */
export function failureIn({ material, ending }: RowSources, { failure }: ShownRow): boolean | null {
  const code = ending === undefined ? null : codeIn(ending);
  if (failure === null || code === null || !ending) return failure === code;
  if (failure.code !== code) return false;
  if (ending.commit['detail'] !== undefined)
    return isPart(material, ending, { name: 'detail', value: failure.detail });
  // Entries of earlier versions have no detail.
  return failure.detail === '' ? true : null;
}

/** The code of a failure as the entry that ends the request has it; null of one that is none. */
function codeIn({ type, facts }: Leaf): unknown {
  if (type === 'request.orphaned') return 'workflow_lost';
  if (type === 'execution.indeterminate') return 'outcome_unknown';
  return WITH_CODE.has(type) ? (facts['code'] ?? null) : null;
}

const WITH_CODE: ReadonlySet<LeafType> = new Set([
  'request.plan_failed',
  'execution.failed',
  'request.denied',
  'request.expired',
]);

/** What lists show of the plan: as the plan has it that the round is about, or the entry of its making. */
export function summaryIn({ material, opened }: RowSources, { summary }: ShownRow): boolean | null {
  if (!opened) return summary === null;
  const { inputs } = material.evidence;
  const plan = inputs?.plans.find(({ digest }) => digest === opened.facts['plan_digest']);
  if (plan) return (plan.body as unknown as StoredPlan | null)?.summary === summary;
  const planned = planOf(material, opened);
  return planned ? isPart(material, planned, { name: 'summary', value: summary }) : null;
}
