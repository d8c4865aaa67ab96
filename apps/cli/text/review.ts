import type { RequestView } from '../../../contract/requests.ts';
import { decisionLines } from './decisions.ts';
import { nameText } from './names.ts';
import { resultText } from './result.ts';
import { factLines } from './table.ts';
import { instant } from './times.ts';
import { toned, tonedWord } from './tone.ts';
import { visible, visibleLines } from '../../../domain/cards/visible.ts';

/** What a break-glass review is about: what was done, by whom, when, by which rule, and what the reviewer decides. */
export function reviewedLines(reviewed: RequestView, now: number): string[] {
  const { id, action, target, environment, status, matched_rules: rules, plan, result, claims } = reviewed;
  const justification = claims?.justification;
  return [
    toned('heading', 'What you decide'),
    '  Was it right to use break-glass for the request below? Approve if it was, deny if it was not.',
    '  Either answer is kept in the audit log. Neither undoes what was done.',
    '',
    toned('heading', 'The break-glass request'),
    ...factLines([
      ['request', `${visible(id)} (keyturn show ${visible(id)} shows all of it)`],
      ['action', `${visible(action)} on ${visible(target)} (${visible(environment)})`],
      ['status', `${tonedWord(status)}, ${instant(reviewed.updated_at, now)}`],
      ...reviewed.lineage.map(
        ({ role, subject, name }) => [ROLES[role], nameText({ id: subject, name })] as const,
      ),
      ['requested', instant(reviewed.created_at, now)],
      ...(rules ?? []).map((rule) => ['rule', ruleText(rule)] as const),
      ...(plan ? [['summary', visible(plan.summary)] as const] : []),
      ...(result === null ? [] : [['result', resultText(result)] as const]),
    ]),
    ...(plan ? visibleLines(plan.operation, '  | ') : []),
    ...decisionLines(reviewed.decisions ?? [], now),
    ...(justification === undefined
      ? []
      : [
          '',
          "Why break-glass was used, in the requester's own words:",
          ...visibleLines(justification, '  > '),
        ]),
  ];
}

/** A rule that matched, and why there is one. */
export function ruleText({ id, because }: NonNullable<RequestView['matched_rules']>[number]): string {
  return because === null ? visible(id) : `${visible(id)}: ${visible(because)}`;
}

/** What somebody behind a request is to it. */
export const ROLES: Readonly<Record<RequestView['lineage'][number]['role'], string>> = {
  requester: 'requested by',
  owner: 'owned by',
  on_behalf_of: 'on behalf of',
  trigger: 'triggered by',
  editor: 'edited by',
  key_maker: 'API key made by',
};
