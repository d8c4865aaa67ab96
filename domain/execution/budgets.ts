import { z } from 'zod';

import { sha256, type Digest } from '../crypto/digest.ts';
import { answeringPerson, everyAccount, personById, type Directory } from '../identity/directory.ts';
import { identityKey, type Identity, type Lineage } from '../identity/identity.ts';

const count = (fallback: number) => z.coerce.number().int().positive().max(1_000_000).default(fallback);

/** The variables that set budgets, the same for API and worker. */
export const BUDGET_VARIABLES = {
  KEYTURN_REHEARSALS_AT_ONCE: count(4),
  KEYTURN_REHEARSAL_SECONDS: count(300),
  KEYTURN_REHEARSALS_REFUSED: count(30),
  KEYTURN_OPEN_REQUESTS: count(200),
};

/** What one person, with their agents, may use of targets before anybody agreed. A target takes three times as much. */
export interface Budgets {
  readonly rehearsalsAtOnce: number;
  readonly secondsAnHour: number;
  /** Refused, or of requests that end before anybody decided them: each may tell a bit about the target's data. */
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

/**
 * True for a request whose plan is tried out at its target within these budgets. Keyturn's own actions try nothing out, nor
 * does what has no connector.
 */
export function isRehearsed(connector: string | null): boolean {
  return connector !== null && !connector.startsWith('keyturn.');
}

/**
 * What a request may use. Break-glass counts as everything else does, and may go beyond what is used up a few times an
 * hour: a caller who only claims it learns little more by it.
 */
export function budgetsFor(budgets: Budgets, { isBreakGlass }: { readonly isBreakGlass: boolean }): Budgets {
  if (!isBreakGlass) return budgets;
  return {
    ...budgets,
    rehearsalsAtOnce: budgets.rehearsalsAtOnce + 2,
    secondsAnHour: budgets.secondsAnHour + 60,
    refusedAnHour: budgets.refusedAnHour + 5,
  };
}

/** Whose budget a request is taken from. */
export interface BudgetRoot {
  /** A digest: the same for all accounts of a person and of that person's agents, and no name. */
  readonly id: Digest;
  readonly accounts: readonly Identity[];
}

/** Who answers for a request: the same person as for counting, else the account alone. Another agent is no further budget. */
export function budgetRoot(directory: Directory, lineage: Lineage): BudgetRoot {
  const [requester = { issuer: '', subject: '' }] = lineage;
  const owner = answeringPerson(directory, lineage);
  if (owner === undefined) return { id: sha256(`account ${identityKey(requester)}`), accounts: [requester] };
  const agents = directory.agents.filter((one) => one.owner === owner);
  const person = personById(directory, owner);
  return {
    id: sha256(`person ${owner}`),
    accounts: [...(person ? everyAccount(person) : []), ...agents],
  };
}
