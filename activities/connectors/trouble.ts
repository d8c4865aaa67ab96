import { isKeyturnError } from '../../domain/errors.ts';
import { errorClass } from '../error-class.ts';

/** Why a target gave no answer, as the log says it: no row, no value of a statement, nothing of a credential. */
export interface Trouble {
  readonly cause: string;
  readonly sql_state?: string;
}

/** Why a connector threw. Messages of ours hold neither secrets nor data; of others' only the class is shown. */
export function troubleOf(error: unknown): Trouble {
  if (!isKeyturnError(error)) return { cause: errorClass(error) };
  const { cause, sqlState } = error.facts;
  return {
    cause: typeof cause === 'string' ? cause : error.message,
    ...(typeof sqlState === 'string' ? { sql_state: sqlState } : {}),
  };
}
