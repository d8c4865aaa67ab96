/** How long a request may stand still where no deadline ends it: an outage of our own is waited for, but not for ever. */
export const STILL_MS = 24 * 60 * 60_000;

/**
 * How old a signed request may be when it is received. Until then nobody sees it, nor can withdraw it: an attacker who
 * holds one back must not choose when it runs.
 */
export const RECEIVED_WITHIN_MS = 60 * 60_000;
