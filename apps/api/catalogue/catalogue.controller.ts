import { Controller, Get, Module, Query } from '@nestjs/common';

import { decisionTimes } from '../../../database/usual-times.ts';
import {
  isTargetOf,
  ownTarget,
  PUBLISH,
  RESOLVE,
  type ActionDefinition,
  type Target,
} from '../../../domain/policy/policy.ts';
import { actionsSchema, type ActionCatalogue } from '../../../contract/actions.ts';
import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { TargetPage } from '../../../contract/targets.ts';
import type { UsualTimes } from '../../../contract/usual-times.ts';
import { CallerParam, isReviewer, refuseUnknown, type Caller } from '../auth/caller.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { QueryPipe } from '../http/pipes.ts';
import { modeOf } from './entry.ts';

const PAGE = 100;
const { listTargets: TARGETS, getUsualTimes: TIMES } = OPERATIONS;

/** The actions that can be requested, their targets, and how long people take. How targets are reached is not shown. */
@Door('people')
@Controller('v1')
export class CatalogueController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get('actions')
  actions(@CallerParam() caller: Caller): ActionCatalogue {
    refuseUnknown(caller);
    const { policy } = caller;
    const targets = [...policy.policy.targets, ownTarget(policy.policy)];
    const items = [...policy.policy.actions, PUBLISH, RESOLVE].map((action) => ({
      action: action.action,
      title: action.title,
      mode: modeOf(action),
      schema_version: action.schema_version,
      arguments: action.arguments,
      targets: targets
        .filter((target) => isTargetOf(target, action))
        .map(({ id, title, environment }) => ({ id, title, environment })),
    }));
    return actionsSchema.parse({ items });
  }

  @Get('usual-times')
  async usualTimes(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(TIMES)) query: QueryOf<typeof TIMES>,
  ): Promise<UsualTimes> {
    refuseUnknown(caller);
    return decisionTimes(this.#context.source.manager, query);
  }

  @Get('targets')
  targets(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(TARGETS)) { environment, action, limit = PAGE, cursor }: QueryOf<typeof TARGETS>,
  ): TargetPage {
    refuseUnknown(caller);
    const { policy } = caller.policy;
    const actions = [...policy.actions, PUBLISH, RESOLVE];
    const after = positionOf(cursor);
    const found = [...policy.targets, ownTarget(policy)]
      .filter(
        (target) => target.id > after && (environment === undefined || target.environment === environment),
      )
      .map((target) => targetView(caller, target, actions))
      .filter((target) => action === undefined || target.actions.includes(action))
      .sort((left, right) => (left.id < right.id ? -1 : 1));
    const items = found.slice(0, limit);
    const last = found.length > limit ? items.at(-1) : undefined;
    return { items, next_cursor: last ? Buffer.from(last.id).toString('base64url') : null };
  }
}

@Module({ controllers: [CatalogueController] })
export class CatalogueModule {}

/** The id after which a page begins. Refuses what is no cursor of a page. */
function positionOf(cursor = ''): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(id).toString('base64url') === cursor) return id;
  throw new KeyturnError('invalid_request', 'The cursor does not belong to this list.');
}

function targetView(
  caller: Caller,
  target: Target,
  actions: readonly ActionDefinition[],
): TargetPage['items'][number] {
  const { id, title, environment, resource_type, owners, tags, data_class } = target;
  return {
    id,
    title,
    environment,
    resource_type,
    actions: actions.filter((action) => isTargetOf(target, action)).map(({ action }) => action),
    // Owners and sensitivity would show an agent whom to pressure, and where: people of the directory only.
    ...(isReviewer(caller)
      ? { owners: [...owners], tags: [...(tags ?? [])], ...(data_class === undefined ? {} : { data_class }) }
      : {}),
  };
}
