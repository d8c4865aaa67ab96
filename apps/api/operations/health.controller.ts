import { Controller, Get } from '@nestjs/common';

import { overdueRequests, wedgedRequests } from '../../../database/stalled-requests.ts';
import { readSweeps } from '../../../database/sweeps.ts';
import type { FreezeWindow } from '../../../domain/calendar/freeze.ts';
import type { SystemHealth } from '../../../contract/system-health.ts';
import { CallerParam, type Caller } from '../auth/caller.ts';
import { refuseAllButAuditReaders } from '../auth/operator.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { readQueues } from './queues.ts';

/** How queues, workers, sweeps and the change feed are: for operators and auditors. */
@Door('people')
@Controller('v1/health')
export class HealthController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async health(@CallerParam() caller: Caller): Promise<SystemHealth> {
    refuseAllButAuditReaders(caller);
    const { source, metrics } = this.#context;
    const [queues, sweeps, overdue, wedged] = await Promise.all([
      readQueues(this.#context),
      readSweeps(source.manager),
      overdueRequests(source.manager),
      wedgedRequests(source.manager),
    ]);
    const at = new Date();
    const last = sweeps.find(({ what }) => what === 'checked');
    return {
      at: at.toISOString(),
      queues,
      sweep: last ? { at: last.at.toISOString(), checked: last.checked } : null,
      findings: sweeps.flatMap(({ what, at: foundAt, requests }) =>
        what === 'checked' ? [] : [{ what, at: foundAt.toISOString(), requests: [...requests] }],
      ),
      overdue: overdue.map(({ id }) => id),
      wedged: [...wedged],
      feed_lag_ms: metrics.lastFeedLagMs,
      freezes: freezesFrom(caller.policy.policy.freezes, at.getTime()),
    };
  }
}

function freezesFrom(freezes: readonly FreezeWindow[], nowMs: number): SystemHealth['freezes'] {
  return freezes
    .filter(({ to }) => Date.parse(to) > nowMs)
    .toSorted((one, other) => Date.parse(one.from) - Date.parse(other.from))
    .map(({ id, title, from, to, environments, actions }) => ({
      id,
      title,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      environments: environments && [...environments],
      actions: actions && [...actions],
      is_in_force: Date.parse(from) <= nowMs,
    }));
}
