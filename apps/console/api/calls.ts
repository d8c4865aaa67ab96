import { KeyturnProblem, problemOf } from '../../../sdk/problem.ts';

/** A call that did not reach the server, or whose answer did not come back: nobody knows whether it had an effect. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('Keyturn cannot be reached. Check the connection, then try again.', { cause });
    this.name = 'Unreachable';
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Reads something. */
export async function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  return parsed<Answer>(await send(addressOf(path, query), { ...(signal && { signal }) }));
}

/** What changes something: with the token of the session, and a key so that a repeat has no second effect. */
export interface Post {
  readonly body?: object;
  readonly csrfToken: string;
  readonly idempotencyKey?: string;
}

/** An answer with its status: 202 says durable, and not yet counted. */
export interface Posted<Answer> {
  readonly status: number;
  readonly answer: Answer;
}

/** Changes something. */
export async function post<Answer>(
  path: string,
  { body, csrfToken, idempotencyKey }: Post,
): Promise<Posted<Answer>> {
  const response = await send(path, {
    method: 'POST',
    headers: {
      'X-CSRF-Token': csrfToken,
      ...(body && { 'Content-Type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: await parsed<Answer>(response) };
}

/** True for the refusals that have this code. */
export function isProblem(error: unknown, ...codes: readonly string[]): error is KeyturnProblem {
  return error instanceof KeyturnProblem && codes.includes(error.code);
}

/** True when nobody is signed in any more. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof KeyturnProblem && error.status === 401;
}

function addressOf(path: string, query: Query): string {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

type Sent = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> };

async function send(path: string, { headers, ...init }: Sent): Promise<Response> {
  const response = await fetch(path, {
    ...init,
    headers: { Accept: 'application/json, application/problem+json', ...headers },
    credentials: 'same-origin',
    redirect: 'error',
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Unreachable(error);
  });
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function parsed<Answer>(response: Response): Promise<Answer> {
  const text = await response.text().catch((error: unknown) => {
    throw new Unreachable(error);
  });
  try {
    return JSON.parse(text) as Answer;
  } catch (error) {
    throw new Unreachable(error);
  }
}
