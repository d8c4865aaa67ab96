import { SQL_ERROR_CODES } from './sql-error-codes.ts';

/**
 * The catalogue of connectors, with the codes that each ends requests with. `text`: what was requested gave it, and nothing was
 * tried out. `public`: data of a target cannot choose it. `data`: it may, so it is for those who see the whole request.
 */
export const CONNECTOR_CODES = {
  'postgres.execute': {
    not_one_statement: 'text',
    statement_kind: 'text',
    function_not_allowed: 'text',
    checks_busy: 'text',
    target_busy: 'public',
    fenced: 'public',
    not_previewable: 'data',
    planning_limit: 'data',
    target_error: 'data',
  },
  'keyturn.policy': {
    checks_busy: 'text',
    policy_base_changed: 'public',
    policy_unchanged: 'public',
    policy_unknown: 'public',
    policy_invalid: 'public',
  },
  'keyturn.resolution': { not_indeterminate: 'public', resolved_as_failed: 'public' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, 'text' | 'public' | 'data'>>>>;

/** A connector, as actions of the catalogue name it. */
export type ConnectorName = keyof typeof CONNECTOR_CODES;

/** What a connector may refuse a plan with. */
export type ConnectorCode<Name extends ConnectorName = ConnectorName> = {
  [One in Name]: keyof (typeof CONNECTOR_CODES)[One];
}[Name];

const entries = Object.values(CONNECTOR_CODES).flatMap((codes) => Object.entries(codes));

/** Codes that the text of a request alone gives: they tell nothing of the target's data. */
export const BY_TEXT: ReadonlySet<string> = new Set(
  entries.filter(([, from]) => from === 'text').map(([code]) => code),
);

/** Codes of connectors that data of a target cannot choose. Of an approved action's error the class of SQLSTATE is one. */
export const PUBLIC_CODES: ReadonlySet<string> = new Set([
  ...entries.filter(([, from]) => from !== 'data').map(([code]) => code),
  ...SQL_ERROR_CODES,
]);
