import type { Dependencies } from './dependencies.ts';
import { eachRequest } from './each-request.ts';
import { ownRow } from './plan.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';

/** No run of the execution is at it for so long: the server ends each after ten minutes. */
const OLD_MS = 15 * 60_000;

/** So long a target is asked again when it cannot tell; then the outcome is called unknown. */
const PROBED_FOR_MS = 60 * 60_000;

/** A target may take seconds to answer, and what is kept for other requests waits for it. */
const CLAIMS_MAX = 20;

interface OldClaim {
  readonly id: string;
  readonly run_id: string;
  readonly age_ms: number;
}

/**
 * Asks the targets what came of claims that are open for longer than any run is at them, whether their workflows are open
 * or not: somebody may keep a workflow from it. Answers the requests whose claim is settled now.
 */
export async function settleOldClaims(
  dependencies: Dependencies,
  namespace: string,
): Promise<readonly string[]> {
  const old = await oldClaims(dependencies);
  const settled = await eachRequest(dependencies, old, async ({ id, run_id, age_ms: ageMs }) => {
    const at = new Date().toISOString();
    const place = { request: id, run: run_id, namespace, step: `old-claim/${at}`, at };
    const claim = await openClaim(dependencies, id);
    if (claim === null) return false;
    const row = await ownRow(dependencies, place);
    await resolveClaim({ dependencies, place, isLastProbe: ageMs >= PROBED_FOR_MS }, row, claim);
    return true;
  });
  return settled.map(({ id }) => id);
}

/** A random choice: a target that does not answer must not stand before the others. */
async function oldClaims({ source }: Dependencies): Promise<readonly OldClaim[]> {
  return source.query(
    `select id, run_id, (extract(epoch from clock_timestamp() - claimed_at) * 1000)::float8 as age_ms
     from keyturn.execution claim join keyturn.request held on held.id = claim.request
     where claim.state = 'claimed' and claim.claimed_at < clock_timestamp() - $1 * interval '1 millisecond'
       and held.status = 'executing'
     order by random() limit $2`,
    [OLD_MS, CLAIMS_MAX],
  );
}
