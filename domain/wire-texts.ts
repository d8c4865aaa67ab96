/** What the fields of a request mean, as the published document says it. */
export const TEXTS = {
  status:
    'Final: `succeeded`, `failed`, `denied`, `expired`, `cancelled`, `revoked`; `indeterminate` too, until a person says whether it took effect. On the way: `planning`, `pending` (people are to decide), `approved`, `executing`, `active`. More may come: take one that you do not know as not final. In mode gate `succeeded` says that the decision was given out',
  deniedBy:
    'Of a denied request: `person` (someone said no) or `policy` (a rule forbids it; `matched_rules` names it)',
  round:
    'Grows when it is planned again because the target or policy changed; approvals of earlier rounds do not count for it',
  intentDigest: 'Of what was asked for: action, target, arguments, mode and who is behind it. Never changes',
  decisionDigest:
    'Of what people decide on: the plan and who must agree, in this round. Send it back with a decision. Null until there is something to decide on',
  rated:
    'Null before a person decided, for those behind it, unless nothing of it follows from a plan; for its reviewers always there',
  mayDecide: 'Whom it asks now, as selectors. Null while it asks nobody',
  expiresAt:
    'What people have not decided by then is `expired`. Equal to `start.not_after` where the end of the start window is why',
  heldUntil: 'While it is approved: it does not start before this instant. Null: nothing holds it',
  failure: 'Why it ended without taking effect; null where it did not fail',
  failureCode:
    'A stable word; more may come. Most frequent: `target_error` (the target refused; its reviewers see which error), a PostgreSQL error class such as `23505`, `not_one_statement`, `statement_kind`, `function_not_allowed`, `target_busy`, `target_unreachable`, `target_keeps_changing`, `over_budget`, `start_window_over`, `switched_off`, `requester_inactive`, `outcome_unknown`',
  failureDetail:
    'A sentence for people. Only for readers who may see what a plan says: not for those behind it',
  result:
    'Null until it succeeded. In mode gate the decision: `decision` (`allowed` by policy, or `approved` by people), `valid_until` (from then on it means nothing), `performed_by_keyturn` (false). Of an SQL statement: `rows` (for each table how many were inserted, updated and deleted; never the rows of a SELECT) and `transaction_id`',
  wait: 'Answer when the request has changed, or as it stands after so many seconds (0 to 60). At once when it is final, or newer than `version`',
  version:
    'The `version` that you know: with `wait`, a newer one is answered at once. Without it: any change from now on',
  changeEntry:
    'The number of the change. A stream that is resumed sends the last change again, and maybe more: the same number is the same change, so drop what you have seen',
  changeStatus: 'Of the request when this event was sent, which may be later than the change',
} as const;
