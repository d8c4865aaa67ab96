import { randomUUID } from 'node:crypto';

import type { CreateBody, InboxPage, RequestPage, RequestView } from '../contract/requests.ts';
import type { CardAnswer } from '../contract/cards.ts';
import type {
  DecideManyAnswer,
  DecideManyBody,
  DecisionAnswer,
  DecisionBody,
  DecisionQueued,
} from '../contract/decisions.ts';
import type { Evidence } from '../contract/evidence.ts';
import type { Timeline } from '../contract/history.ts';
import type { QuestionView } from '../contract/questions.ts';
import type { ActionCatalogue } from '../contract/actions.ts';
import type { Me } from '../contract/me.ts';
import type { TargetPage } from '../contract/targets.ts';
import type { GoverningStream, StreamPage } from '../contract/streams.ts';
import type { PolicyAnswer, Proposal, ProposeBody } from '../contract/policies.ts';
import type { SwitchList, SwitchView, ThrowBody } from '../contract/switches.ts';
import type { EvaluateBody, EvaluationAnswer } from '../contract/evaluate.ts';
import { lastOf, versionsOf, type AwaitOptions, type ShowOptions } from './follow.ts';
import { listen, type ChangeEvent, type ListenOptions } from './events.ts';
import { refuseUnknownOptions } from './options.ts';
import { DECIDED, FINISHED } from './statuses.ts';
import { Transport, type Answer, type Call, type TransportOptions } from './transport.ts';

export { KeyturnProblem } from './problem.ts';
export type { ChangeEvent, ListenOptions } from './events.ts';
export type { AwaitOptions, ShowOptions } from './follow.ts';

/** A request that was made: recorded, or durable and soon recorded. */
export type Created =
  | { readonly kind: 'recorded'; readonly request: RequestView; readonly isRepeat: boolean }
  | { readonly kind: 'queued'; readonly id: string };

/** A decision that was made: counted, or durable and not counted yet. */
export type Decided =
  | { readonly kind: 'counted'; readonly answer: DecisionAnswer }
  | { readonly kind: 'queued'; readonly id: string };

/** How to make a call that has one effect, however often it is made. */
export interface KeyedOptions {
  /** The same call with the same key finds the outcome of the first. A fresh one unless given: keep your own to repeat after a crash. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** How to make a request. */
export interface CreateOptions extends KeyedOptions {
  /** How long the server may wait for the planned request, whole seconds up to 60. */
  readonly waitSeconds?: number;
}

const KEYED_OPTIONS = ['idempotencyKey', 'signal'];

/** Filters and place of a list. */
export type ListQuery = Readonly<
  Partial<
    Record<'q' | 'from' | 'to' | 'status' | 'action' | 'target' | 'environment' | 'risk' | 'cursor', string>
  >
> & { readonly mine?: boolean; readonly limit?: number };

/** Which pending requests, and how they are sorted. `q` is text that is searched for. */
export type InboxQuery = Pick<ListQuery, 'limit' | 'cursor'> &
  Readonly<{ scope?: 'me' | 'groups' | 'all'; sort?: 'newest' | 'deadline'; q?: string }>;

/** Calls Keyturn over HTTP. Throws `KeyturnProblem` for every refusal. */
export class KeyturnClient {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  /** Asks for a privileged action. Safe to repeat with the same key: there is one request a key, for ever. */
  async request(body: CreateBody, options: CreateOptions = {}): Promise<Created> {
    refuseUnknownOptions('request()', options, [...KEYED_OPTIONS, 'waitSeconds']);
    const { waitSeconds } = options;
    const answer = await this.#transport.call<RequestView>({
      method: 'POST',
      path: '/v1/requests',
      body,
      headers: {
        ...keyHeader(options),
        ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
      },
      signal: options.signal,
    });
    if (answer.status === 202) return { kind: 'queued', id: answer.body.id };
    return { kind: 'recorded', request: answer.body, isRepeat: answer.status === 200 };
  }

  /** What policy would say now, without asking for anything. Promises nothing: policy may say otherwise a moment later. */
  async evaluate(body: EvaluateBody, signal?: AbortSignal): Promise<EvaluationAnswer> {
    const call = { method: 'POST', path: '/v1/evaluate', body, signal } as const;
    return (await this.#transport.call<EvaluationAnswer>(call)).body;
  }

  /** A request as the caller may see it. */
  async show(id: string, options: ShowOptions = {}): Promise<RequestView> {
    refuseUnknownOptions('show()', options, ['waitSeconds', 'version', 'signal']);
    const query = { wait: options.waitSeconds, version: options.version };
    return this.#get(requestPath(id), query, options.signal);
  }

  /** Waits until people or policy decided; returns the request as it stands when the time is up. */
  async untilDecided(id: string, options: AwaitOptions = {}): Promise<RequestView> {
    return lastOf(this.#versions(id, DECIDED, options));
  }

  /** Waits until nothing can happen to the request any more; returns it as it stands when the time is up. */
  async untilFinished(id: string, options: AwaitOptions = {}): Promise<RequestView> {
    return lastOf(this.#versions(id, FINISHED, options));
  }

  /** Every version of a request that can be seen, until nothing can happen to it any more or the time is up. */
  watch(id: string, options: AwaitOptions = {}): AsyncGenerator<RequestView> {
    return this.#versions(id, FINISHED, options);
  }

  /** Requests that the caller may see, newest first. Something may follow a page, also an empty one, that has a cursor. */
  async list(query: ListQuery = {}): Promise<RequestPage> {
    return this.#get('/v1/requests', query);
  }

  /** Pending requests that the caller may decide now, or has to do with. Its pages are as those of `list`. */
  async inbox(query: InboxQuery = {}): Promise<InboxPage> {
    return this.#get('/v1/inbox', query);
  }

  /** What can be asked for. */
  async actions(): Promise<ActionCatalogue> {
    return this.#get('/v1/actions');
  }

  /** What actions act on, by id, a page at a time. */
  async targets(
    query: Readonly<Partial<Record<'environment' | 'action' | 'cursor', string>>> & {
      readonly limit?: number;
    } = {},
  ): Promise<TargetPage> {
    return this.#get('/v1/targets', query);
  }

  /** Who the caller is to Keyturn, and whether this token may decide. */
  async me(): Promise<Me> {
    return this.#get('/v1/me');
  }

  /** What people decide upon, with the digest that a decision on it names. */
  async card(id: string): Promise<CardAnswer> {
    return this.#get(requestPath(id, 'card'));
  }

  /** What happened to a request, oldest first. */
  async timeline(id: string): Promise<Timeline> {
    return this.#get(requestPath(id, 'timeline'));
  }

  /** Everything that proves what happened to a request. */
  async evidence(id: string): Promise<Evidence> {
    return this.#get(requestPath(id, 'evidence'));
  }

  /** A page of the audit entries about what governs everybody, oldest first. For operators and auditors. */
  async auditStream(stream: GoverningStream, cursor?: string): Promise<StreamPage> {
    return this.#get(`/v1/audit/${encodeURIComponent(stream)}`, cursor === undefined ? {} : { cursor });
  }

  /**
   * Decides. The digest says what was seen: anything else than what is asked now is refused. Made again when the answer
   * does not come: the key lets it count once.
   */
  async decide(id: string, decision: DecisionBody, options: KeyedOptions = {}): Promise<Decided> {
    const path = requestPath(id, 'decisions');
    const answer = await this.#post<DecisionAnswer & DecisionQueued>(path, decision, options);
    if (answer.status === 202) return { kind: 'queued', id: answer.body.decision.id };
    return { kind: 'counted', answer: answer.body };
  }

  /** Decides on several requests, at most 50, each for itself: the answer has the outcome of each. */
  async decideMany(
    items: DecideManyBody['items'],
    options: KeyedOptions = {},
  ): Promise<DecideManyAnswer['items']> {
    return (await this.#post<DecideManyAnswer>('/v1/decisions', { items }, options)).body.items;
  }

  /** Takes back a request of one's own. Null while the withdrawal is durable but not carried out yet. */
  async withdraw(id: string, reason?: string, options: KeyedOptions = {}): Promise<RequestView | null> {
    const body = reason === undefined ? {} : { reason };
    const answer = await this.#post<RequestView>(requestPath(id, 'withdraw'), body, options);
    return answer.status === 202 ? null : answer.body;
  }

  /** Asks those behind a request, for people who may see the whole of it. Nothing waits for the answer: the clock goes on. */
  async ask(id: string, question: string, options: KeyedOptions = {}): Promise<QuestionView> {
    return (await this.#post<QuestionView>(requestPath(id, 'questions'), { question }, options)).body;
  }

  /** Answers a question about a request of one's own. The first answer stands; the same one again changes nothing. */
  async answer(id: string, question: string, answer: string): Promise<QuestionView> {
    const path = requestPath(id, `questions/${encodeURIComponent(question)}/answer`);
    return (await this.#post<QuestionView>(path, { answer })).body;
  }

  /** Proposes the files of a policy, for people. A request for `keyturn.policy.publish` then asks to publish it. */
  async proposePolicy(sources: ProposeBody): Promise<Proposal> {
    return (await this.#post<Proposal>('/v1/policies', sources)).body;
  }

  /** A policy that was proposed or installed, for people. */
  async policy(digest: string): Promise<PolicyAnswer> {
    return this.#get(`/v1/policies/${encodeURIComponent(digest)}`);
  }

  /** Kill switches that are on, oldest first. */
  async switches(): Promise<SwitchList> {
    return this.#get('/v1/switches');
  }

  /** Throws a kill switch, for operators: once this returns, nothing in its scope begins any more. */
  async throwSwitch(
    scope: ThrowBody['scope'],
    reason: string,
    options: KeyedOptions = {},
  ): Promise<SwitchView> {
    return (await this.#post<SwitchView>('/v1/switches', { scope, reason }, options)).body;
  }

  /** Changes as they happen. */
  events(options: ListenOptions = {}): AsyncGenerator<ChangeEvent> {
    return listen(this.#transport, options);
  }

  #versions(id: string, end: ReadonlySet<string>, options: AwaitOptions): AsyncGenerator<RequestView> {
    return versionsOf((wanted) => this.show(id, wanted), end, options);
  }

  async #get<Body>(path: string, query: Call['query'] = {}, signal?: AbortSignal): Promise<Body> {
    return (await this.#transport.call<Body>({ method: 'GET', path, query, signal })).body;
  }

  /** Every such call may be made again: it has a key, or does no more the second time. */
  async #post<Body>(path: string, body: unknown, options: KeyedOptions = {}): Promise<Answer<Body>> {
    refuseUnknownOptions('a call', options, KEYED_OPTIONS);
    const { signal } = options;
    const headers = keyHeader(options);
    return this.#transport.call<Body>({ method: 'POST', path, body, headers, signal });
  }
}

function requestPath(id: string, part?: string): string {
  return `/v1/requests/${encodeURIComponent(id)}${part === undefined ? '' : `/${part}`}`;
}

function keyHeader({ idempotencyKey = randomUUID() }: KeyedOptions): Record<string, string> {
  return { 'idempotency-key': headerSafe(idempotencyKey) };
}

/** Headers carry bytes: a key may be any text, sent as UTF-8. */
function headerSafe(key: string): string {
  return Buffer.from(key, 'utf8').toString('latin1');
}
