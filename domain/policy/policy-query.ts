import type { Directory } from '../identity/directory.ts';
import type { Lineage } from '../identity/identity.ts';
import type { RequestMode } from '../request/status.ts';
import { resolveFacts } from './fact-resolvers.ts';
import type { PolicyFacts } from './built-in-facts.ts';
import { actionOf, type PolicySet } from './policy.ts';
import { requestFacts } from './request-facts.ts';

/** What policy is asked: about one request, at an instant. */
export interface PolicyQuery extends Pick<PolicyFacts, 'action' | 'target' | 'args' | 'plan'> {
  readonly policy: PolicySet;
  readonly directory: Directory;
  readonly lineage: Lineage;
  readonly mode: RequestMode;
  readonly break_glass?: boolean | undefined;
  readonly at: Date;
}

/**
 * The facts of a request. They are put together nowhere else, so that the API, which answers early, and the worker, whose
 * answer counts, cannot come to different ones.
 */
export function factsOf(
  { policy, directory, lineage, mode, break_glass = false, at, ...query }: PolicyQuery,
  counted: Pick<PolicyFacts, 'history' | 'windows'>,
): PolicyFacts {
  const { action, target, args, plan } = query;
  const request = requestFacts(directory, { mode, lineage, break_glass });
  const facts = resolveFacts(actionOf(policy, action) ?? {}, { policy, directory, args, request });
  const { history, windows } = counted;
  const made = { action, target, args, plan, request, at: at.toISOString(), history, windows };
  return facts === undefined ? made : { ...made, facts };
}
