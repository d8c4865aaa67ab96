import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** An answer of the API that the floor gives as well, by its address with the query. */
export interface Recorded {
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly base64: string;
}

/** Bare node:http that answers what was recorded. */
export interface Floor {
  readonly url: string;
  readonly pid: number;
  keep(replies: readonly Recorded[]): Promise<void>;
  stop(): void;
}

/** Starts it with nothing to answer. */
export async function startFloor(): Promise<Floor> {
  const child = fork(fileURLToPath(new URL('./bare-replies.ts', import.meta.url)));
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    keep: async (replies) => {
      const kept = once(child, 'message');
      child.send(replies);
      await kept;
    },
    stop: () => child.disconnect(),
  };
}

/** What belongs to the connection or to the form in which the body came, not to what it says. */
const NOT_KEPT = [
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'connection',
  'date',
  'set-cookie',
];

/** An answer for the floor: the body as it was read, compressed where it came so. */
export function recorded(
  address: string,
  answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  },
): Recorded {
  const { pathname, search } = new URL(address);
  const isCompressed = answer.headers['content-encoding'] !== undefined;
  const body = isCompressed ? gzipSync(answer.body) : answer.body;
  const kept = Object.entries(answer.headers).filter(([name]) => !NOT_KEPT.includes(name));
  return {
    path: `${pathname}${search}`,
    status: answer.status,
    headers: {
      ...Object.fromEntries(kept),
      ...(isCompressed && { 'content-encoding': 'gzip' }),
      'content-length': String(body.length),
    },
    base64: body.toString('base64'),
  };
}
