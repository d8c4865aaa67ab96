import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';

import { gatePolicyFolder, release } from '../gate/policies.ts';
import { startStack } from '../stack/stack.ts';
import { cpuMs } from './processes.ts';
import { closedLoop, median, perSecond, quantile, together, type Phase } from './measure.ts';

/** How much is measured. */
export interface GateScale {
  readonly rounds: number;
  readonly callsAlone: number;
  readonly callsTogether: number;
}

const CALLERS = 32;

interface GateSubject {
  readonly name: string;
  /** The process that answers. */
  readonly pid: number;
  call(): Promise<void>;
}

/**
 * Measures an answer on the spot against a bare Nest call with one INSERT and against bare node:http, in turn. Answers
 * lines of a table.
 */
export async function measureGate(scale: GateScale): Promise<readonly string[]> {
  const rates = { KEYTURN_API_RATE: '1000000', KEYTURN_API_EVALUATE_RATE: '1000000' };
  const env = { KEYTURN_LOG_LEVEL: 'warn', ...rates };
  const stack = await startStack({ policies: gatePolicyFolder(), workers: 0, env });
  await stack.keyturnDb.query('create table bench_row (id bigint generated always as identity, body jsonb)');
  const program = fileURLToPath(new URL('./bare-nest.ts', import.meta.url));
  const floor = fork(program, {
    env: { ...process.env, KEYTURN_DATABASE_URL: stack.databases.keyturn.admin },
  });
  try {
    const [ports] = (await once(floor, 'message')) as [{ nest: number; http: number }];
    const token = await stack.issuer.agentToken('agent-billing');
    const poster = new Poster(token);
    const api = stack.apis[0]?.url ?? '';
    const pid = stack.apis[0]?.pid() ?? 0;
    const counted = JSON.stringify(release('free'));
    const body = JSON.stringify(release('free', { action: 'deploy.announce' }));
    return await measureSubjects(scale, [
      {
        name: 'bare node:http',
        pid: floor.pid ?? 0,
        call: () => poster.post(`http://127.0.0.1:${ports.http}/`, body),
      },
      {
        name: 'bare Nest + INSERT',
        pid: floor.pid ?? 0,
        call: () => poster.post(`http://127.0.0.1:${ports.nest}/insert`, body),
      },
      { name: 'Keyturn, allowed on the spot', pid, call: () => poster.post(`${api}/v1/requests`, body) },
      { name: 'the same, counted in a window', pid, call: () => poster.post(`${api}/v1/requests`, counted) },
      { name: 'Keyturn, dry run', pid, call: () => poster.post(`${api}/v1/evaluate`, body) },
    ]);
  } finally {
    floor.disconnect();
    await stack.stop();
  }
}

async function measureSubjects(
  scale: GateScale,
  subjects: readonly GateSubject[],
): Promise<readonly string[]> {
  const alone = new Map<GateSubject, Phase[]>(subjects.map((subject) => [subject, []]));
  const usedMs = new Map<GateSubject, number[]>(subjects.map((subject) => [subject, []]));
  const crowded = new Map<GateSubject, Phase[]>(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) await closedLoop(4, scale.callsAlone, () => subject.call());
  for (let round = 0; round < scale.rounds; round += 1) {
    for (const subject of subjects) {
      alone.get(subject)?.push(await closedLoop(1, scale.callsAlone, () => subject.call()));
      const before = cpuMs([subject.pid]);
      crowded.get(subject)?.push(await closedLoop(CALLERS, scale.callsTogether, () => subject.call()));
      usedMs.get(subject)?.push((cpuMs([subject.pid]) - before) / scale.callsTogether);
    }
  }
  return [
    `| on the spot | p50 ms, one caller | p99 ms | requests/s, ${CALLERS} callers | p50 ms, ${CALLERS} callers | CPU ms a call |`,
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...subjects.map((subject) => {
      const one = together(alone.get(subject) ?? []);
      const many = together(crowded.get(subject) ?? []);
      const figures = [
        quantile(one.latenciesMs, 0.5).toFixed(2),
        quantile(one.latenciesMs, 0.99).toFixed(2),
        perSecond(many).toFixed(0),
        quantile(many.latenciesMs, 0.5).toFixed(1),
        median(usedMs.get(subject) ?? []).toFixed(2),
      ];
      return `| ${subject.name} | ${figures.join(' | ')} |`;
    }),
    '',
  ];
}

/** Calls over kept connections: a client that costs little beside what is measured. */
class Poster {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  async post(url: string, body: string): Promise<void> {
    const status = await new Promise<number>((resolve, reject) => {
      const call = request(url, { method: 'POST', agent: this.#agent, headers: this.#headers(body) });
      call.once('error', reject);
      call.once('response', (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      });
      call.end(body);
    });
    if (status !== 200 && status !== 201) throw new Error(`${url} answered ${status}.`);
  }

  #headers(body: string): Record<string, string | number> {
    return {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'idempotency-key': randomUUID(),
    };
  }
}
