import { Agent, request as httpRequest } from 'node:http';

import { recorded, type Floor } from './console-floor.ts';
import type { Cookies } from './console-sessions.ts';
import { closedLoop, quantile, together, type Phase } from './measure.ts';
import type { Stack } from '../stack/stack.ts';

/** What is measured, and who looks at it. */
export interface Seen {
  readonly stack: Stack;
  readonly floor: Floor;
  readonly session: Cookies;
  /** A request with a page that can be read. */
  readonly request: string;
}

const ROUNDS = 3;

const CALLS: readonly (readonly [name: string, path: (request: string) => string])[] = [
  ['inbox, first page, 100 lines', () => '/v1/inbox?scope=me&sort=deadline&limit=100'],
  ['inbox, a search', () => '/v1/inbox?scope=me&sort=deadline&limit=100&q=shop'],
  ['card of a request', (id) => `/v1/requests/${id}/card`],
  ['request', (id) => `/v1/requests/${id}`],
  ['list, all, 50 lines', () => '/v1/requests?limit=50'],
  ['list, succeeded, 50 lines', () => '/v1/requests?limit=50&status=succeeded'],
  ['list, a search', () => '/v1/requests?limit=50&q=billing'],
];

/** Each call one by one in a session, in turn with the same bytes from bare node:http. */
export async function callLines(seen: Seen, calls: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const [name, path] of CALLS)
    lines.push(await callLine(seen, { name, path: path(seen.request), calls }));
  return [
    '| call of the API | bytes | bare p50 ms | bare p95 ms | Keyturn p50 ms | Keyturn p95 ms | ratio of p95 |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
  ];
}

interface Measured {
  readonly name: string;
  readonly path: string;
  readonly calls: number;
}

async function callLine({ stack, floor, session }: Seen, { name, path, calls }: Measured): Promise<string> {
  const reader = new Reader(session);
  const ours = `${stack.apis[0]?.url}${path}`;
  const answer = await reader.read(ours);
  await floor.keep([recorded(ours, answer)]);
  const phases: { readonly bare: Phase[]; readonly keyturn: Phase[] } = { bare: [], keyturn: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    phases.bare.push(await closedLoop(1, calls / ROUNDS, () => reader.read(`${floor.url}${path}`)));
    phases.keyturn.push(await closedLoop(1, calls / ROUNDS, () => reader.read(ours)));
  }
  reader.close();
  const times = [phases.bare, phases.keyturn].flatMap((side) => {
    const { latenciesMs } = together(side);
    return [quantile(latenciesMs, 0.5), quantile(latenciesMs, 0.95)];
  });
  const ratio = (times[3] ?? Number.NaN) / (times[1] ?? Number.NaN);
  return `| ${[name, answer.body.length, ...times.map((ms) => ms.toFixed(1)), ratio.toFixed(0)].join(' | ')} |`;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Calls over a kept connection. */
class Reader {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #session: Cookies;

  constructor(session: Cookies) {
    this.#session = session;
  }

  read(url: string): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const call = httpRequest(url, { agent: this.#agent, headers: { ...this.#session } }, (response) => {
        const chunks: Buffer[] = [];
        const { statusCode: status = 0 } = response;
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          const headers = response.headers as Readonly<Record<string, string>>;
          if (status === 200) resolve({ status, headers, body });
          else reject(new Error(`${url} answered ${status}: ${body.toString().slice(0, 500)}`));
        });
      });
      call.on('error', reject);
      call.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
