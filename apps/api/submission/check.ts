import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import type { KillSwitch } from '../../../domain/execution/kill-switch.ts';

import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { refusalOf } from '../switches/refusal.ts';
import { refuseNoBreakGlass } from './break-glass.ts';
import { catalogueEntry, type CatalogueEntry } from '../catalogue/entry.ts';
import type { CreateCall } from './create-call.ts';
import { startOf } from './start-window.ts';

/** What somebody asks for: a request, an answer on the spot, or only what policy would say. */
export interface Submission {
  readonly id: string;
  readonly lineage: Lineage;
  readonly caller: Caller;
  readonly body: Pick<
    CreateCall['body'],
    'action' | 'target' | 'mode' | 'arguments' | 'break_glass' | 'start'
  >;
  /** Kill switches that are on. */
  readonly switches: readonly KillSwitch[];
}

/** What passed the checks. */
export interface Checked extends CatalogueEntry {
  readonly start: SignedRequest['start'];
}

/**
 * The order of checks of whatever is asked for anew, so that the same question gets the same refusal wherever it is
 * asked. Who asks, and whether it is a repeat, is known before; a repeat is not checked again.
 */
export async function checkSubmission(context: ApiContext, submission: Submission): Promise<Checked> {
  const { id, lineage, caller, body, switches } = submission;
  const entry = catalogueEntry(caller.policy.policy, body);
  const { action, target } = body;
  const stopped = refusalOf(switches, { action, target, lineage, agents: caller.directory.agents });
  if (stopped) throw stopped;
  const values = body.arguments as Readonly<Record<string, JsonValue>>;
  context.checker.check(caller.policy.digest, entry.action, values);
  const start = startOf(body);
  if (body.break_glass) await refuseNoBreakGlass(context, submission, { id, lineage, target: entry.target });
  return { ...entry, start };
}
