import type { DecisionBody } from '../../contract/decisions.ts';
import type { KeyturnClient } from '../../sdk/client.ts';
import { failure, usageError } from './exit.ts';
import { visible } from '../../domain/cards/visible.ts';

/** The approval that the person takes back: the one that is named, or their only one that counts. */
export async function ownApproval(
  client: KeyturnClient,
  id: string,
  named: string | undefined,
): Promise<Pick<DecisionBody, 'takes_back'>> {
  if (named !== undefined) return { takes_back: named };
  const [me, { decisions = [], round }] = await Promise.all([client.me(), client.show(id)]);
  const own = decisions.filter(
    (one) =>
      one.verdict === 'approve' &&
      one.outcome === 'counted' &&
      one.taken_back_by === null &&
      one.round === round &&
      one.person === me.id,
  );
  const [approval, ...others] = own;
  if (!approval)
    throw failure(
      'unknown_decision',
      `No approval of yours counts now. To see what was decided: keyturn show ${visible(id)}`,
    );
  if (others.length === 0) return { takes_back: approval.id };
  const ids = own.map((one) => visible(one.id)).join(', ');
  throw usageError(`You gave several approvals: name one with --decision, of ${ids}.`);
}
