/** Names of SQLSTATE classes, by their two characters: the most that a code says of an error of the server. */
export const SQL_CLASSES: Readonly<Record<string, string>> = {
  '08': 'connection_exception',
  '21': 'cardinality_violation',
  '22': 'data_exception',
  '23': 'integrity_constraint_violation',
  '25': 'invalid_transaction_state',
  '28': 'invalid_authorization',
  '38': 'external_routine_exception',
  '40': 'transaction_rollback',
  '42': 'access_rule_violation_or_syntax_error',
  '44': 'check_option_violation',
  '53': 'insufficient_resources',
  '54': 'program_limit_exceeded',
  '55': 'object_not_in_prerequisite_state',
  '57': 'operator_intervention',
  '58': 'system_error',
  P0: 'raised_by_procedure',
  XX: 'internal_error',
};

/** Single states that have a name of their own: each tells no more than its class does of an approved statement. */
export const SQL_STATES: Readonly<Record<string, string>> = {
  '57014': 'statement_timeout',
  '55P03': 'lock_timeout',
  '40001': 'concurrent_change',
  '40P01': 'concurrent_change',
};

/** Every code that an error of the server can have after an approval. */
export const SQL_ERROR_CODES: ReadonlySet<string> = new Set([
  ...Object.values(SQL_CLASSES),
  ...Object.values(SQL_STATES),
]);
