import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What this process counts. Labels are routes, statuses and codes: never names or values of a request. */
export class Metrics {
  readonly registry = new Registry();

  readonly httpDuration = new Histogram({
    name: 'keyturn_http_request_duration_seconds',
    help: 'Time to answer, by route template and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [this.registry],
  });

  readonly decisions = new Counter({
    name: 'keyturn_decisions_total',
    help: 'Decisions by verdict and outcome.',
    labelNames: ['verdict', 'outcome'],
    registers: [this.registry],
  });

  readonly refusedAttempts = new Counter({
    name: 'keyturn_refused_attempts_total',
    help: 'Attempts to decide or withdraw that were refused at once, by delivery and code.',
    labelNames: ['delivery', 'code'],
    registers: [this.registry],
  });

  readonly refusedTokens = new Counter({
    name: 'keyturn_refused_tokens_total',
    help: 'Calls without an accepted token, by reason.',
    labelNames: ['fault'],
    registers: [this.registry],
  });

  readonly requests = new Counter({
    name: 'keyturn_requests_created_total',
    help: 'Create calls by outcome.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly problems = new Counter({
    name: 'keyturn_problems_total',
    help: 'Answers that are problems, by code.',
    labelNames: ['code'],
    registers: [this.registry],
  });

  readonly feedLag = new Histogram({
    name: 'keyturn_feed_lag_seconds',
    help: 'Time from a recorded change to its arrival on the change feed of this process.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30, 60],
    registers: [this.registry],
  });

  readonly streams = new Gauge({
    name: 'keyturn_event_streams',
    help: 'Open event streams.',
    registers: [this.registry],
  });

  #lastFeedLagMs: number | null = null;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** How late the last change came; null where none came yet. */
  get lastFeedLagMs(): number | null {
    return this.#lastFeedLagMs;
  }

  noteFeedLag(lagSeconds: number): void {
    this.feedLag.observe(lagSeconds);
    this.#lastFeedLagMs = Math.round(lagSeconds * 1_000);
  }
}
