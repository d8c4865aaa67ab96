import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Ticket } from '../../../contract/decisions.ts';
import type { Reply } from '../../stack/http.ts';
import { InSession } from '../../api/sign-in/in-session.ts';
import { startStack, type Decision, type Stack, type StackOptions } from '../../stack/stack.ts';
import { waitFor } from '../../stack/wait.ts';

/** Everybody who plays in a journey, with a token each. People are named as in test/stack/policies/directory.yaml. */
export interface Tokens {
  readonly agent: string;
  /** Owns the agent; may decide nothing. */
  readonly ada: string;
  /** The two active database administrators. */
  readonly olga: string;
  readonly dmitri: string;
  /** Owner of every target. */
  readonly omar: string;
  /** The lead that requests escalate to. */
  readonly petra: string;
}

/** What an agent asks for; everything has a usual value. */
export interface Ask {
  readonly token?: string;
  readonly target?: string;
  readonly statement?: string;
  readonly claims?: object;
  readonly onBehalfOf?: object;
  readonly key?: string;
}

/** A stack, those who use it, and what they do with it through the HTTP interface. */
export interface Cast extends Tokens {
  readonly stack: Stack;
  /** Asks and waits until the request is planned. Answers what the requester sees. */
  ask(ask?: Ask): Promise<RequestView>;
  post<T = Problem>(token: string, path: string, body: unknown): Promise<Reply<T>>;
  get<T = Problem>(token: string, path: string): Promise<Reply<T>>;
  /** As the person of the token does in the session of a browser. */
  inSession: InSession['call'];
  show(token: string, id: string): Promise<RequestView>;
  /** As the person of the token, in the session of a browser. */
  ticket<T = Ticket>(token: string, request: RequestView, decision?: Decision): Promise<Reply<T>>;
  /** Ids of the requests in the reader's inbox. */
  inbox(token: string): Promise<string[]>;
}

/** Starts a stack and gives everybody a token. */
export async function openCast(options: StackOptions = {}): Promise<Cast> {
  const stack = await startStack(options);
  const [agent, ada, olga, dmitri, omar, petra] = await Promise.all([
    stack.issuer.agentToken('agent-billing'),
    stack.issuer.humanToken('ada'),
    stack.issuer.humanToken('olga'),
    stack.issuer.humanToken('dmitri'),
    stack.issuer.humanToken('omar'),
    stack.issuer.humanToken('petra'),
  ]);
  return { stack, agent, ada, olga, dmitri, omar, petra, ...deeds(stack, agent) };
}

type Deeds = Omit<Cast, keyof Tokens | 'stack'>;

function deeds(stack: Stack, agent: string): Deeds {
  const sessions = InSession.at(stack);
  const get: Deeds['get'] = (token, path) => stack.http({ path, token });
  const post: Deeds['post'] = (token, path, body) => stack.http({ path, token, body });
  const show: Deeds['show'] = async (token, id) => (await get<RequestView>(token, `/v1/requests/${id}`)).body;
  const inbox: Deeds['inbox'] = async (token) => {
    const page = await get<{ items: RequestView[] }>(token, '/v1/inbox?limit=100');
    return page.body.items.map((item) => item.id);
  };
  const inSession: Deeds['inSession'] = (call) => sessions.call(call);
  const ticket: Deeds['ticket'] = (token, request, decision = {}) =>
    inSession({
      token,
      path: `/v1/requests/${request.id}/tickets`,
      body: {
        verdict: 'approve',
        reason: 'looks right',
        decision_digest: request.decision_digest,
        ...decision,
      },
    });
  return { get, post, inSession, show, inbox, ticket, ask: (ask = {}) => askFor(stack, agent, ask) };
}

/** As a client has to: while the answer is "not now" or "not yet", the same call with the same key. */
function askFor(stack: Stack, agent: string, ask: Ask): Promise<RequestView> {
  const headers = { 'idempotency-key': ask.key ?? randomUUID() };
  const request = bodyOf(ask);
  return waitFor({
    what: 'a request to be planned',
    withinMs: 60_000,
    check: async () => {
      const { body, status } = await stack.request<RequestView>(ask.token ?? agent, request, headers);
      if (status === 503 || body.status === 'planning') return undefined;
      if (status < 300) return body;
      throw new Error(`Asking was answered ${status}: ${JSON.stringify(body)}`);
    },
  });
}

/** The body of a create call. */
export function bodyOf(ask: Ask): object {
  return {
    action: 'postgres.execute',
    target: ask.target ?? 'shop',
    arguments: { statement: ask.statement ?? raiseLimit() },
    ...(ask.claims ? { claims: ask.claims } : {}),
    ...(ask.onBehalfOf ? { on_behalf_of: ask.onBehalfOf } : {}),
  };
}

let account = 1000;

/** A statement that changes an account which no other statement of this file changes. */
export function raiseLimit(): string {
  account += 1;
  return `update account set credit_limit = credit_limit + 77 where id = ${account}`;
}

/** The code of a refusal together with its status. */
export function refusal(reply: Reply<unknown>): readonly [number, string | undefined] {
  return [reply.status, (reply.body as Partial<Problem>).code];
}

/** Matches the refusal of a decision on something that nobody can decide any more. */
export function isOver(): readonly [number, unknown] {
  return [409, expect.stringMatching(/^request_(finished|not_pending)$/)];
}

/** The decisions of a request that are on record, in order. */
export async function decisionsOf(
  stack: Stack,
  id: string,
): Promise<{ outcome: string; refusal: string | null; verdict: string; channel: string }[]> {
  const sql =
    'select outcome, refusal, verdict, channel from keyturn.decision where request = $1 order by recorded_at, id';
  return (await stack.keyturnDb.query(sql, [id])).rows;
}

/** Types of the audit entries of a request, in order. */
export async function stepsOf(stack: Stack, id: string): Promise<string[]> {
  const { rows } = await stack.keyturnDb.query<{ type: string }>(
    'select type from audit.entry where request = $1 order by id',
    [id],
  );
  return rows.map((row) => row.type);
}

/** Waits until an audit entry of this type exists. */
export async function waitForStep(stack: Stack, id: string, type: string): Promise<void> {
  await waitFor({
    what: `${type} of ${id}`,
    check: async () => ((await stepsOf(stack, id)).includes(type) ? true : undefined),
    explain: async () => `there are ${(await stepsOf(stack, id)).join(', ')}`,
  });
}
