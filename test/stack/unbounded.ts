/** For one agent that does what otherwise a whole company does. */
export const UNBOUNDED = {
  KEYTURN_REHEARSALS_AT_ONCE: '1000',
  KEYTURN_REHEARSAL_SECONDS: '1000000',
  KEYTURN_REHEARSALS_REFUSED: '1000000',
  KEYTURN_OPEN_REQUESTS: '1000000',
};
