import { setTimeout as delay } from 'node:timers/promises';

import type { Change } from '../domain/wire.ts';
import { KeyturnProblem } from './problem.ts';
import type { Call, Transport } from './transport.ts';

/** A change of a request, with the id to resume after. */
export interface ChangeEvent {
  readonly id: string;
  readonly change: Change;
}

/** What to listen to. */
export interface ListenOptions {
  /** Changes of this request only. */
  readonly request?: string;
  /** Resume after this event. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

const RECONNECT_MS = 1_000;

/**
 * Changes as they happen, resumed where the stream broke: no change is missed while the server keeps it. Ends when the
 * signal aborts. A refusal (4xx) is thrown.
 */
export async function* listen(transport: Transport, options: ListenOptions): AsyncGenerator<ChangeEvent> {
  let after = options.after;
  while (!options.signal?.aborted) {
    try {
      for await (const event of connect(transport, options, after)) {
        after = event.id;
        yield event;
      }
    } catch (error) {
      if (isRefusal(error)) throw error;
    }
    await pause(options.signal);
  }
}

/** The changes of one connection, until it breaks. */
async function* connect(
  transport: Transport,
  options: ListenOptions,
  after: string | undefined,
): AsyncGenerator<ChangeEvent> {
  const response = await transport.open(streamCall(options, after));
  if (response.body === null) return;
  for await (const event of parseEvents(response.body)) {
    if (event.type === 'request.changed') yield { id: event.id, change: JSON.parse(event.data) };
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof KeyturnProblem && error.status < 500 && error.status !== 429;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
}

function streamCall(options: ListenOptions, after: string | undefined): Call {
  return {
    method: 'GET',
    path: '/v1/events',
    query: { request: options.request },
    headers: { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) },
    isRepeatable: true,
    signal: options.signal,
  };
}

/** One event of a stream. */
export interface ServerSentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** The events of a `text/event-stream` body (WHATWG HTML section 9.2.6). */
export async function* parseEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let held = '';
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true });
    const blocks = held.replaceAll('\r\n', '\n').split('\n\n');
    held = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event.data !== '') yield event;
    }
  }
}

function parseBlock(block: string): ServerSentEvent {
  const fields = { id: '', type: 'message', data: [] as string[] };
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === 'id') fields.id = value ?? '';
    if (name === 'event') fields.type = value ?? '';
    if (name === 'data') fields.data.push(value ?? '');
  }
  return { ...fields, data: fields.data.join('\n') };
}
