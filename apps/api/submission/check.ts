import { historyOf } from '../../../database/counted-facts.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { KillSwitch } from '../../../domain/execution/kill-switch.ts';
import { offersBreakGlass } from '../../../domain/policy/evaluation.ts';
import { factsOf } from '../../../domain/policy/policy-query.ts';
import { checkArguments } from '../catalogue/arguments.ts';
import { catalogueEntry } from '../catalogue/entry.ts';
import type { ApiContext } from '../context.ts';
import { refusalOf } from '../switches/refusal.ts';
import { startOf } from './start-window.ts';
import type { Checked, Submission } from './submission.ts';

type Checking = Pick<ApiContext, 'source'>;

/**
 * The checks of every new submission in one order, so that the same mistake gets the same refusal in every operation. The
 * lineage and whether it is a repeat are known before; a repeat is not checked again.
 */
export async function checkSubmission<Submitted extends Submission>(
  context: Checking,
  submission: Submitted,
  switches: readonly KillSwitch[],
): Promise<Submitted & Checked> {
  const { id, lineage, at, caller, body } = submission;
  const { policy } = caller.policy;
  const { directory } = caller;
  const entry = catalogueEntry(policy, body);
  const { action, mode, break_glass } = body;
  const stopped = refusalOf(switches, { action, target: body.target, lineage, agents: directory.agents });
  if (stopped) throw stopped;
  const args = body.arguments as Readonly<Record<string, JsonValue>>;
  checkArguments(entry.action, args);
  const start = startOf(body);
  const { target } = entry;
  const query = { policy, directory, id, lineage, at, action, target, mode, break_glass, args, plan: null };
  if (break_glass) await refuseNoBreakGlass(context, query);
  return { ...submission, ...entry, start, query };
}

/** Refuses (`break_glass_unavailable`) a break-glass request that no rule allows: the flag alone must never shorten anything. */
async function refuseNoBreakGlass({ source }: Checking, query: Checked['query']): Promise<void> {
  const history = await historyOf(source.manager, query);
  if (offersBreakGlass(query.policy, factsOf(query, { history, windows: null }))) return;
  throw new KeyturnError(
    'break_glass_unavailable',
    'No rule offers a break-glass path for this request. Send it without break_glass.',
  );
}
