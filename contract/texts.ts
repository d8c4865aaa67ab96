import { KNOWN_CODES } from '../domain/policy/visibility.ts';

const codes = [...KNOWN_CODES].map((code) => `\`${code}\``).join(', ');

/** What the fields of a request mean, as the published document says it. */
export const TEXTS = {
  status:
    'Final: `succeeded`, `failed`, `denied`, `expired`, `cancelled`, `revoked`; `indeterminate` too, until a person says whether it took effect. On the way: `planning`, `pending` (people are to decide), `approved`, `executing`, `active`. More may come: take one that you do not know as not final. In mode gate `succeeded` says that the decision was given out',
  deniedBy:
    'Of a denied request: `person` (a person denied it) or `policy` (Keyturn denied it: `failure.code` says why. `forbidden`: by the rules of `matched_rules` with the effect `forbid`, and where there is none because no rule allows it. `switched_off`: a kill switch stopped it, whatever rules matched)',
  round:
    'Grows when the request is planned again because the target or policy changed. Approvals of earlier rounds do not count',
  intentDigest:
    'Digest of what was requested: action, schema version, target, arguments and mode. It never changes',
  decisionDigest:
    'Digest of what people decide on: the plan and who must agree, in this round. Send it with a decision. Null until there is something to decide on',
  rated:
    'Null for those behind the request until a person has decided, where it could tell of the plan; its reviewers always see it',
  mayDecide: 'Selectors of those who may decide now. Null while nobody is asked',
  expiresAt:
    'When it expires, which is a denial: at the latest when its start window ends. Null: it does not',
  heldUntil: 'While it is approved: it does not start before this instant. Null: nothing holds it',
  failure: 'Why it ended without taking effect; null where it did not fail',
  failureCode: `A stable word; more may come. \`target_error\` (the target refused; its reviewers see which error) or one of ${codes}`,
  failureDetail:
    'A sentence for people. Only for readers who may see the plan, so not for those behind the request',
  result:
    'Null until it succeeded. In mode gate the decision: `decision` (`allowed` by policy, or `approved` by people), `valid_until` (from then on it means nothing), `performed_by_keyturn` (false). Of an SQL statement: `rows` (for each table how many were inserted, updated and deleted; never the rows of a SELECT) and `transaction_id`',
  wait: 'Answer when the request has changed, or after so many seconds (0 to 60). At once when it is final, or newer than `version`',
  version:
    'The `version` that you know: with `wait`, a newer one is answered at once. Without it: any change from now on',
  changeEntry:
    'The number of the change. A stream that is resumed sends the last change again, and maybe more: the same number is the same change, so drop what you have seen',
  changeStatus: 'Of the request when this event was sent, which may be later than the change',
} as const;
