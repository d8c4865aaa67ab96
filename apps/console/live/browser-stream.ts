import type { Change } from '../../../contract/changes.ts';

/** What a tab learns: something changed, everything may have, or the stream came or went. */
export type LiveMessage =
  | { readonly kind: 'changed'; readonly change: Change }
  | { readonly kind: 'reset' }
  | { readonly kind: 'state'; readonly isOpen: boolean };

/** Tabs that come later ask for the state. */
type ChannelMessage = LiveMessage | { readonly kind: 'state_wanted' };

/** For whom the changes are followed. */
export interface StreamOptions {
  /** Names the session: tabs of one session share a stream, those of another person never do. */
  readonly session: string;
  readonly onMessage: (message: LiveMessage) => void;
  /** The stream was refused: the session may be over. */
  readonly onRefused: () => void;
}

const RETRY_MS = 5_000;

/**
 * Follows the changes of all requests. One tab of the browser holds a lock and the only event stream, and tells the
 * others; when it is closed, the next one takes over.
 */
export class BrowserStream {
  readonly #options: StreamOptions;
  readonly #channel: BroadcastChannel;
  readonly #ending = new AbortController();
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #state: LiveMessage | undefined;
  /** Changes may have been missed since this tab learned of the last one. */
  #hasGap = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener('message', ({ data }: MessageEvent<ChannelMessage>) => this.#hear(data));
    this.#channel.postMessage({ kind: 'state_wanted' });
    void this.#waitForTurn();
  }

  end(): void {
    this.#ending.abort();
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#channel.close();
  }

  get #name(): string {
    return `keyturn-changes-${this.#options.session}`;
  }

  async #waitForTurn(): Promise<void> {
    const { signal } = this.#ending;
    // Locks are there on secure pages, loopback included. Elsewhere each tab reads for itself.
    if (!('locks' in navigator)) return this.#open();
    const read = async (): Promise<void> => {
      if (signal.aborted) return;
      this.#open();
      // Held until the tab ends, which gives it to the next one.
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    await navigator.locks.request(this.#name, { signal }, read).catch(() => undefined);
  }

  #open(): void {
    const source = new EventSource('/v1/events');
    this.#source = source;
    source.addEventListener('open', (event) => {
      // The server's first event has the same name.
      if (event instanceof MessageEvent) return;
      this.#send({ kind: 'state', isOpen: true });
      if (this.#hasGap) this.#send({ kind: 'reset' });
      // A connection that breaks from here on is resumed by the browser, where it was.
      this.#hasGap = false;
    });
    source.addEventListener('request.changed', ({ data }: MessageEvent<string>) => {
      this.#send({ kind: 'changed', change: JSON.parse(data) as Change });
    });
    source.addEventListener('reset', () => this.#send({ kind: 'reset' }));
    source.addEventListener('error', () => this.#break(source));
  }

  #break(source: EventSource): void {
    this.#send({ kind: 'state', isOpen: false });
    if (source.readyState !== EventSource.CLOSED || this.#ending.signal.aborted) return;
    // Refused for good, and it does not say why.
    this.#options.onRefused();
    this.#hasGap = true;
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  #hear(message: ChannelMessage): void {
    if (message.kind === 'state_wanted') {
      if (this.#state) this.#channel.postMessage(this.#state);
      return;
    }
    this.#hasGap = true;
    this.#options.onMessage(message);
  }

  #send(message: LiveMessage): void {
    if (message.kind === 'state') this.#state = message;
    this.#options.onMessage(message);
    this.#channel.postMessage(message);
  }
}
