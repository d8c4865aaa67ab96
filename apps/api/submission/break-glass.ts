import { historyOf } from '../../../database/policy-facts.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { offersBreakGlass } from '../../../domain/policy/evaluation.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import type { Target } from '../../../domain/policy/policy.ts';
import { withResolvedFacts } from '../../../domain/policy/facts.ts';
import { requestFacts } from '../../../domain/policy/request-facts.ts';
import type { ApiContext } from '../context.ts';
import type { CreateCall } from './create-call.ts';

/** Who asks for what. */
interface Asking {
  readonly caller: CreateCall['caller'];
  readonly body: Pick<CreateCall['body'], 'action' | 'mode' | 'arguments'>;
}

/** Refuses (`break_glass_unavailable`) an emergency that no rule knows: the flag alone must never shorten anything. */
export async function refuseNoBreakGlass(
  context: ApiContext,
  { caller, body }: Asking,
  { id, lineage, target }: { readonly id: string; readonly lineage: Lineage; readonly target: Target },
): Promise<void> {
  const { policy } = caller.policy;
  const at = new Date();
  const facts = withResolvedFacts(
    { policy, directory: caller.directory },
    {
      action: body.action,
      target,
      args: body.arguments as Readonly<Record<string, JsonValue>>,
      plan: null,
      request: requestFacts(caller.directory, { mode: body.mode, lineage, break_glass: true }),
      at: at.toISOString(),
      history: await historyOf(context.source.manager, { id, lineage, at }),
      windows: null,
    },
  );
  if (offersBreakGlass(policy, facts)) return;
  throw new KeyturnError(
    'break_glass_unavailable',
    'No rule offers a break-glass path for this request. Send it without break_glass.',
  );
}
