import { Link } from '@tanstack/react-router';

import type { CardAnswer } from '../../../contract/cards.ts';
import type { RequestSummary } from '../../../contract/requests.ts';
import { Foreign } from '../shown/foreign.tsx';
import { RiskPill } from '../shown/pills.tsx';
import classes from './batch-dialog.module.css';
import type { BatchResult } from './batch.ts';
import { requesterOf } from '../requests/requester.ts';

interface BatchLineProps {
  readonly item: RequestSummary;
  readonly answer: CardAnswer | undefined;
  /** Why it is left out; null where it is not. */
  readonly why: string | null | undefined;
  readonly result: BatchResult | undefined;
}

/** One request of a batch: what it would do, and the outcome of its decision. */
export function BatchLine({ item, answer, why, result }: BatchLineProps) {
  const { action, target, environment, id } = item;
  const risk = riskOf(item, answer);
  return (
    <li className={classes.line} data-out={(why ?? null) !== null || undefined}>
      <div>
        {risk && <RiskPill risk={risk} />}{' '}
        <Foreign text={answer?.card.plan?.summary ?? item.summary ?? action} />
      </div>
      <div className="keyturn-quiet">
        {action} on {target} ({environment}), requested by <Foreign text={requesterOf(item)} />
      </div>
      {why && (
        <div className={classes.out}>
          Left out. {why}:{' '}
          <Link to="/requests/$id" params={{ id }}>
            decide it by itself
          </Link>
        </div>
      )}
      {result && <div className={classes.result}>{resultText(result)}</div>}
    </li>
  );
}

/** As it is decided upon, not as the list had it. */
function riskOf({ risk }: RequestSummary, answer: CardAnswer | undefined): RequestSummary['risk'] {
  return answer ? (answer.card.risk?.tier ?? null) : risk;
}

function resultText({ status, problem }: BatchResult): string {
  if (problem) return `Not decided. ${problem.detail}`;
  return status === 202 ? 'Kept, and counts in a moment' : 'Decided';
}
