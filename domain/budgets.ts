import { z } from 'zod';

import { sha256, type Digest } from './digest.ts';
import { agentOf, personOf, type Directory } from './directory.ts';
import { identityKey, type Identity } from './identity.ts';

const count = (fallback: number) => z.coerce.number().int().positive().max(1_000_000).default(fallback);

/** The variables that set budgets, the same for API and worker. */
export const BUDGET_VARIABLES = {
  KEYTURN_REHEARSALS_AT_ONCE: count(4),
  KEYTURN_REHEARSAL_SECONDS: count(300),
  KEYTURN_REHEARSALS_REFUSED: count(30),
  KEYTURN_OPEN_REQUESTS: count(200),
};

/** What one person or agent may use of targets before anybody agreed. A target as a whole takes three times as much. */
export interface Budgets {
  readonly rehearsalsAtOnce: number;
  readonly secondsAnHour: number;
  /** Each refused rehearsal may tell a bit about the target's data. */
  readonly refusedAnHour: number;
  readonly openRequests: number;
}

/** Budgets as the environment sets them. */
export function budgetsOf(variables: z.output<z.ZodObject<typeof BUDGET_VARIABLES>>): Budgets {
  return {
    rehearsalsAtOnce: variables.KEYTURN_REHEARSALS_AT_ONCE,
    secondsAnHour: variables.KEYTURN_REHEARSAL_SECONDS,
    refusedAnHour: variables.KEYTURN_REHEARSALS_REFUSED,
    openRequests: variables.KEYTURN_OPEN_REQUESTS,
  };
}

/** Whose budget a request is taken from. */
export interface BudgetRoot {
  /** A digest: the same for all accounts of one person or agent, and no name. */
  readonly id: Digest;
  readonly accounts: readonly Identity[];
}

/** The person or agent who asks, over all their accounts; an account that the directory does not know, alone. */
export function budgetRoot(directory: Directory, requester: Identity): BudgetRoot {
  const agent = agentOf(directory, requester);
  if (agent) return { id: sha256(`agent ${agent.id}`), accounts: [requester] };
  const person = personOf(directory, requester);
  if (person) return { id: sha256(`person ${person.id}`), accounts: person.accounts };
  return { id: sha256(`account ${identityKey(requester)}`), accounts: [requester] };
}
