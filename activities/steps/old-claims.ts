import type { ExecutionRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';
import { ASKING_MS, eachRequest } from './each-request.ts';
import { ownRow } from '../load-request.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';
import { noteUnanswered } from './unanswered-probes.ts';

/** No run of the execution is at it for so long: the server ends each after ten minutes. */
const OLD_MS = 15 * 60_000;

const CLAIMS_MAX = 20;

interface OldClaim {
  readonly id: string;
  readonly run_id: string;
}

/**
 * Asks the targets what came of claims that are open for longer than any run is at them, whether their workflows are open
 * or not: somebody may keep a workflow from it. Answers the requests whose claim is settled now.
 */
export async function settleOldClaims(
  dependencies: Dependencies,
  { namespace, everyMs }: { readonly namespace: string; readonly everyMs: number },
): Promise<readonly string[]> {
  const old = await oldClaims(dependencies);
  const isLastProbe = (claim: ExecutionRow): Promise<boolean> => noteUnanswered(dependencies, claim, everyMs);
  const settled = await eachRequest({ ...dependencies, withinMs: ASKING_MS }, old, async ({ id, run_id }) => {
    const at = new Date().toISOString();
    const place = { request: id, run: run_id, namespace, step: `old-claim/${at}`, at };
    const claim = await openClaim(dependencies, id);
    if (claim === null) return false;
    const row = await ownRow(dependencies, place);
    await resolveClaim({ dependencies, place, isLastProbe }, row, claim);
    return true;
  });
  return settled.map(({ id }) => id);
}

/**
 * First those whose target was queried longest ago, or never: a target that does not answer must not hold up the others.
 * Then as many at random: claims whose query always fails must not hold them up either.
 */
async function oldClaims({ source }: Dependencies): Promise<readonly OldClaim[]> {
  return source.query(
    `with old as materialized (
       select id, run_id, unanswered_at from keyturn.execution claim join keyturn.request held on held.id = claim.request
       where claim.state = 'claimed' and claim.claimed_at < clock_timestamp() - $1 * interval '1 millisecond'
         and held.status = 'executing'),
     longest as (
       select id, run_id, row_number() over (order by unanswered_at nulls first, random()) as place
         from old order by place limit $2),
     others as (select id, run_id, $2::bigint + 1 as place from old order by random() limit $2)
     select id, run_id from (table longest union all table others) chosen
      group by id, run_id order by min(place)`,
    [OLD_MS, CLAIMS_MAX / 2],
  );
}
