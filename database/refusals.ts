/** The directory holds something else, or of somebody else, than its caller took for granted. */
export const DIRECTORY_DIFFERS = 'KT001';

/** What is asked for would change what stays as it is. */
export const NOT_CHANGEABLE = 'KT002';

/** A token says that it was issued later than it is by the database's clock. */
export const ISSUED_AHEAD = 'KT005';

/** One sign-in starts one session. */
export const SIGN_IN_USED = 'KT006';

/** What only a person does who has just signed in. */
export const SIGN_IN_AGAIN = 'KT007';

/** An agent has as many live API keys, or a person as many passkeys, as they may. */
export const KEYS_FULL = 'KT008';

/** Something else held a lock for longer than the statement waits for it. */
export const LOCK_TIMED_OUT = '55P03';
/** There is no such link, for a passkey or of an account: not of this person or session, used, replaced or over. */
export const NO_SUCH_LINK = 'KT009';

/** Somebody has had a passkey: a further one is confirmed with it, or comes by a recovery. */
export const HAD_PASSKEY = 'KT010';

/** An account cannot be linked: it is or was somebody else's. */
export const ACCOUNT_TAKEN = 'KT011';

/** An account cannot be linked: it is the person's already. */
export const ACCOUNT_OWN = 'KT012';

/** The SQLSTATE of an error of the driver, or how the connection failed; null for anything else. */
export function driverCode(error: unknown): string | null {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' ? found : null;
}

/**
 * True where a function of the database refused, by a code of Keyturn's own: it found something else than its caller had
 * read. Nothing was written, and the next reading tells why.
 */
export function isRefusedByDatabase(error: unknown): boolean {
  return /^KT\d{3}$/.test(driverCode(error) ?? '');
}
