import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One schedule as the service knows it. */
export interface PagerSchedule {
  /** Users in its layers. */
  readonly layers: readonly string[];
  readonly onCall: readonly string[];
  /** Users who stand in within the next weeks. */
  readonly overrides?: readonly string[];
}

/** A call that the service got. */
export interface PagerCall {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
}

/** A paging service inside the test, which answers in the form of PagerDuty's REST API, version 2. Not PagerDuty. */
export interface TestPager {
  readonly url: string;
  readonly calls: readonly PagerCall[];
  set(id: string, schedule: PagerSchedule): void;
  /** From now on everything is answered so; null: as it should be. */
  answerWith(answer: PagerAnswer | null): void;
  stop(): Promise<void>;
}

/** Writes an answer of its own, or none. */
export type PagerAnswer = (call: PagerCall, response: http.ServerResponse) => void;

export const PAGER_TOKEN = 'y_NbAkKc66ryYTWUXYEu';

/** The most entries that one page holds here, so that pages are seen in tests. */
const PAGE_MAX = 3;

/** Starts a service on a free loopback port. */
export async function startPager(): Promise<TestPager> {
  const schedules = new Map<string, PagerSchedule>();
  const calls: PagerCall[] = [];
  let special: PagerAnswer | null = null;
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://pager');
    const { authorization, accept } = request.headers;
    const call = { path: url.pathname, query: url.searchParams, authorization, accept };
    calls.push(call);
    if (special) special(call, response);
    else answer(response, ...answerTo(call, schedules));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    set: (id, schedule) => {
      schedules.set(id, schedule);
    },
    answerWith: (wanted) => {
      special = wanted;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

type Answered = readonly [status: number, body: unknown];

function answerTo(call: PagerCall, schedules: ReadonlyMap<string, PagerSchedule>): Answered {
  if (call.authorization !== `Token token=${PAGER_TOKEN}`)
    return [401, { error: { message: 'Unauthorized', code: 2006 } }];
  if (call.path === '/oncalls') return [200, onCallsOf(call.query, schedules)];
  const [, id = '', users] = /^\/schedules\/([^/]+)(\/users)?$/.exec(call.path) ?? [];
  const schedule = schedules.get(id);
  if (!schedule) return [404, { error: { message: 'Not Found', code: 2100 } }];
  const { layers, onCall, overrides = [] } = schedule;
  if (!users) return [200, { schedule: { ...referenceTo('schedule', id), users: layers.map(user) } }];
  const isAhead = call.query.get('since') !== null && call.query.get('until') !== null;
  const found = isAhead ? [...onCall, ...overrides] : onCall;
  return [
    200,
    { users: [...new Set(found)].map((one) => ({ ...referenceTo('user', one), email: `${one}@x` })) },
  ];
}

/** Without a filter it lists everything, as the service does: the caller must look at the schedule of each entry. */
function onCallsOf(query: URLSearchParams, schedules: ReadonlyMap<string, PagerSchedule>): unknown {
  const wanted = query.getAll('schedule_ids[]');
  const all = [...schedules]
    .filter(([id]) => wanted.length === 0 || wanted.includes(id))
    .flatMap(([id, { onCall }]) => onCall.map((one) => onCallOf(id, one)));
  const offset = Number(query.get('offset') ?? 0);
  const limit = Math.min(Number(query.get('limit') ?? 25), PAGE_MAX);
  const page = all.slice(offset, offset + limit);
  return { oncalls: page, limit, offset, more: offset + page.length < all.length, total: null };
}

function onCallOf(schedule: string, one: string): unknown {
  return {
    user: user(one),
    schedule: referenceTo('schedule', schedule),
    escalation_policy: referenceTo('escalation_policy', 'PT20YPA'),
    escalation_level: 1,
    start: '2026-11-23T08:00:00Z',
    end: '2126-11-30T08:00:00Z',
  };
}

function user(id: string): unknown {
  return referenceTo('user', id);
}

function referenceTo(type: string, id: string): Readonly<Record<string, unknown>> {
  return {
    id,
    type: `${type}_reference`,
    summary: id,
    self: `https://api.example/${type}s/${id}`,
    html_url: null,
  };
}
