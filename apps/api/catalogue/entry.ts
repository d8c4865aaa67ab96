import { KeyturnError } from '../../../domain/errors.ts';
import {
  actionOf,
  isReviewAction,
  isTargetOf,
  PUBLISH,
  RESOLVE,
  targetOf,
  type ActionDefinition,
  type PolicySet,
  type Target,
} from '../../../domain/policy/policy.ts';
import { quote } from '../../../domain/conditions/did-you-mean.ts';
import { nameHint } from './similar-names.ts';
import type { RequestMode } from '../../../domain/request/status.ts';

/** The requested action and target in the catalogue. */
export interface CatalogueEntry {
  readonly action: ActionDefinition;
  readonly target: Target;
}

/** The catalogue entry of a request. Refuses what the catalogue does not have, and the wrong mode for it. */
export function catalogueEntry(
  policy: PolicySet,
  body: { readonly action: string; readonly target: string; readonly mode: RequestMode },
): CatalogueEntry {
  const action = actionOf(policy, body.action);
  if (!action) {
    const names = policy.actions.map((known) => known.action);
    const hint = nameHint(body.action, [...names, PUBLISH.action, RESOLVE.action]);
    throw new KeyturnError('unknown_action', `The catalogue has no action ${quote(body.action)}.${hint}`);
  }
  if (isReviewAction(body.action))
    throw new KeyturnError(
      'unknown_action',
      'This action cannot be requested. Keyturn opens it itself after a break-glass request.',
    );
  const target = targetOf(policy, body.target);
  if (!target || !isTargetOf(target, action)) {
    const ids = policy.targets.filter((known) => isTargetOf(known, action)).map(({ id }) => id);
    const hint = nameHint(body.target, ids);
    throw new KeyturnError(
      'unknown_target',
      `There is no target ${quote(body.target)} for this action.${hint}`,
    );
  }
  const mode = modeOf(action);
  if (body.mode !== mode) {
    throw new KeyturnError(
      'mode_unsupported',
      `This action needs another mode: send "mode": "${mode}" (on the command line --mode ${mode}).`,
    );
  }
  return { action, target };
}

/** The one mode in which an action can be requested: without a connector it is only decided on. */
export function modeOf({ connector }: Pick<ActionDefinition, 'connector'>): RequestMode {
  return connector === null ? 'gate' : 'execute';
}
