import { setTimeout as delay } from 'node:timers/promises';

import type { Change } from '../contract/changes.ts';
import { refuseUnknownOptions } from './options.ts';
import { KeyturnProblem } from './problem.ts';
import type { Transport } from './transport.ts';

/** A change of a request. */
export interface ChangeEvent {
  /** The position to resume after: up to it nothing was missed. */
  readonly id: string;
  readonly change: Change;
}

/** What to listen to. */
export interface ListenOptions {
  /** Changes of this request only. */
  readonly request?: string;
  /** Resume after this event. */
  readonly after?: string;
  /** Called when changes were missed: the server does not go back so far, or its log was restored. List again what you follow. */
  readonly onReset?: () => void;
  readonly signal?: AbortSignal;
}

const RECONNECT_MS = 1_000;

/**
 * Changes as they happen, each once, resumed where the stream broke: also where it broke before the first change. Ends
 * when the signal aborts. A refusal (4xx) is thrown, and so is that no token can be had.
 */
export async function* listen(transport: Transport, options: ListenOptions): AsyncGenerator<ChangeEvent> {
  refuseUnknownOptions('events()', options, ['request', 'after', 'onReset', 'signal']);
  const position = new Position(options.after);
  while (!options.signal?.aborted) {
    try {
      for await (const event of connect(transport, options, position.after)) {
        yield* changesIn(event, position, options);
      }
    } catch (error) {
      if (!isPassing(error) && !options.signal?.aborted) throw error;
    }
    await pause(options.signal);
  }
}

/** The change that the event brings, where it is a new one. */
function* changesIn(
  event: { readonly id: string; readonly type: string; readonly data: string },
  position: Position,
  { onReset }: ListenOptions,
): Generator<ChangeEvent> {
  if (event.type === 'reset') {
    position.restart(event.id);
    onReset?.();
  } else position.moveTo(event.id);
  if (event.type !== 'request.changed') return;
  const change = JSON.parse(event.data) as Change;
  if (position.isNew(change)) yield { id: position.after ?? '', change };
}

/** How many changes are remembered, so that a resumed stream yields none twice. */
const REMEMBERED_MAX = 5_000;

/** Up to where nothing was missed. What is brought again is no place to resume after: it goes back by a reset only. */
class Position {
  #after: string | undefined;
  readonly #seen = new Set<number>();

  constructor(after: string | undefined) {
    this.#after = after;
  }

  get after(): string | undefined {
    return this.#after;
  }

  moveTo(id: string): void {
    if (id !== '' && (this.#after === undefined || Number(id) > Number(this.#after))) this.#after = id;
  }

  /** After a reset. One to a position further back is of another log, whose numbers mean other changes. */
  restart(id: string): void {
    if (this.#after !== undefined && Number(id) < Number(this.#after)) this.#seen.clear();
    this.#after = id;
  }

  isNew({ entry }: Change): boolean {
    if (this.#seen.has(entry)) return false;
    const [oldest] = this.#seen;
    if (this.#seen.size >= REMEMBERED_MAX && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.add(entry);
    return true;
  }
}

/** The events of one connection, until it breaks. */
async function* connect(
  transport: Transport,
  options: ListenOptions,
  after: string | undefined,
): AsyncGenerator<ServerSentEvent> {
  const response = await transport.open({
    method: 'GET',
    path: '/v1/events',
    query: { request: options.request },
    headers: { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) },
    signal: options.signal,
  });
  if (response.body !== null) yield* parseEvents(response.body);
}

/** Of the network, where fetch tells a broken stream by a TypeError as well, or of a server that is busy or restarts. */
function isPassing(error: unknown): boolean {
  if (error instanceof KeyturnProblem) return error.status >= 500 || error.status === 429;
  return error instanceof TypeError;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
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
