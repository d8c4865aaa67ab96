import { request as httpRequest, type ClientRequest } from 'node:http';

import { signedInBrowser, type Cookies } from './console-sessions.ts';
import type { Floor } from './console-floor.ts';
import { median, quantile } from './measure.ts';
import { cpuMs } from './processes.ts';
import type { Stack } from '../stack/stack.ts';

const PEOPLE = ['olga', 'dmitri', 'omar', 'petra', ...Array.from({ length: 16 }, (_, n) => reviewer(n + 1))];
/** Questions that one person may have open about one request. */
const QUESTIONS_OF_A_REQUEST = 5;

/** How long a change takes to reach consoles, and what it costs. */
interface FannedOut {
  /** From the call that makes the change until the last console has it, in milliseconds, one a change. */
  readonly lastMs: readonly number[];
  readonly cpuMsAChange: number;
}

/** One change to so many consoles, each with a session and a stream of its own; beside it, bare writes to as many streams. */
export async function fanOutLines(
  stack: Stack,
  floor: Floor,
  { consoles, requests }: { readonly consoles: number; readonly requests: readonly string[] },
): Promise<readonly string[]> {
  const sessions: Cookies[] = [];
  while (sessions.length < consoles)
    sessions.push(await signedInBrowser(stack, PEOPLE[sessions.length % PEOPLE.length] ?? ''));
  const ours = await ofKeyturn(stack, sessions, requests);
  const bare = await ofFloor(floor, consoles, ours.lastMs.length);
  const row = (name: string, { lastMs, cpuMsAChange }: FannedOut): string =>
    `| ${name} | ${median(lastMs).toFixed(1)} | ${quantile(lastMs, 0.95).toFixed(1)} | ${cpuMsAChange.toFixed(1)} |`;
  const ratio = [
    median(ours.lastMs) / median(bare.lastMs),
    ours.cpuMsAChange / Math.max(bare.cpuMsAChange, 0.1),
  ];
  return [
    `| one change to ${consoles} consoles with a session each | until the last has it, p50 ms | p95 ms | CPU ms a change |`,
    '| --- | ---: | ---: | ---: |',
    row('bare node:http, one write a stream', bare),
    row('Keyturn: a question is recorded, then told', ours),
    `| ratio | ${ratio[0]?.toFixed(1)} | | ${ratio[1]?.toFixed(1)} |`,
    '',
  ];
}

async function ofKeyturn(
  stack: Stack,
  sessions: readonly Cookies[],
  requests: readonly string[],
): Promise<FannedOut> {
  const api = stack.apis[0];
  const listeners = await Listeners.open(api?.url ?? '', sessions);
  const token = await stack.issuer.humanToken('olga');
  const changes = requests.flatMap((id) => Array.from({ length: QUESTIONS_OF_A_REQUEST }, () => id));
  const change = async (index: number): Promise<void> => {
    const path = `/v1/requests/${changes[index]}/questions`;
    const reply = await stack.http({ path, token, body: { question: `Why, for the ${index}th time?` } });
    if (reply.status !== 201)
      throw new Error(`Asking was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  };
  const made = await measured(listeners, { count: changes.length, pid: api?.pid() ?? 0, change });
  listeners.close();
  return made;
}

async function ofFloor(floor: Floor, consoles: number, count: number): Promise<FannedOut> {
  const listeners = await Listeners.open(
    floor.url,
    Array.from({ length: consoles }, () => ({})),
  );
  const change = async (): Promise<void> => void (await fetch(`${floor.url}/emit`));
  const made = await measured(listeners, { count, pid: floor.pid, change });
  listeners.close();
  return made;
}

interface Changing {
  readonly count: number;
  /** Of the process that tells of the changes. */
  readonly pid: number;
  readonly change: (index: number) => Promise<void>;
}

async function measured(listeners: Listeners, { count, pid, change }: Changing): Promise<FannedOut> {
  const lastMs: number[] = [];
  const before = cpuMs([pid]);
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    const heard = listeners.all();
    await change(index);
    await heard;
    lastMs.push(performance.now() - startedAt);
  }
  return { lastMs, cpuMsAChange: (cpuMs([pid]) - before) / count };
}

const WITHIN_MS = 30_000;

/** Streams of events, read as cheaply as they can be: what is measured shares the machine with them. */
class Listeners {
  readonly #calls: ClientRequest[] = [];
  readonly #missing = new Set<number>();
  #done: () => void = () => {};

  static async open(url: string, sessions: readonly Cookies[]): Promise<Listeners> {
    const listeners = new Listeners();
    await Promise.all(
      sessions.map((headers, index) => listeners.#listen(`${url}/v1/events`, headers, index)),
    );
    return listeners;
  }

  /** Resolves once each of them was told of a change from now on. */
  all(): Promise<void> {
    for (const index of this.#calls.keys()) this.#missing.add(index);
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`${this.#missing.size} consoles were not told of a change.`));
      const timer = setTimeout(late, WITHIN_MS);
      this.#done = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    for (const call of this.#calls) call.destroy();
  }

  #listen(url: string, headers: Cookies, index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = httpRequest(url, { headers: { ...headers }, agent: false }, (response) => {
        if (response.statusCode !== 200)
          return reject(new Error(`A stream was answered ${response.statusCode}.`));
        response.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('event: open')) resolve();
          if (text.includes('event: request.changed')) this.#hear(index);
        });
        response.on('error', () => {});
      });
      call.on('error', reject);
      call.end();
      this.#calls.push(call);
    });
  }

  #hear(index: number): void {
    this.#missing.delete(index);
    if (this.#missing.size === 0) this.#done();
  }
}

function reviewer(number: number): string {
  return `reviewer-${String(number).padStart(2, '0')}`;
}
