import type { Problem } from '../contract/problem.ts';

/** A refusal of the server (RFC 9457). Switch on `code`: it is stable; the words are for people. */
export class KeyturnProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** What is wrong with each field, when the body was refused. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** Names the call in the server's log (`X-Request-Id`): what to quote to its operators. */
  readonly requestId: string | null;
  /** When the server asks to come back later. */
  readonly retryAfterMs: number | null;

  constructor(problem: Pick<Problem, 'status' | 'code' | 'detail' | 'errors'>, headers: Headers) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = 'KeyturnProblem';
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = headers.get('x-request-id');
    this.retryAfterMs = retryAfterMs(headers);
  }
}

/** The refusal that an answer carries. What is not a problem document (a proxy's page) is `http_STATUS`. */
export async function problemOf(response: Response): Promise<KeyturnProblem> {
  const text = await response.text().catch(() => '');
  return new KeyturnProblem(parseProblem(text, response.status), response.headers);
}

function parseProblem(text: string, status: number): Pick<Problem, 'status' | 'code' | 'detail' | 'errors'> {
  const unknown = { status, code: `http_${status}`, detail: `The server answered ${status}.` };
  try {
    const parsed: Partial<Problem> | null = JSON.parse(text);
    if (parsed === null || typeof parsed.code !== 'string') return unknown;
    const errors = Array.isArray(parsed.errors) ? parsed.errors : [];
    return { status, code: parsed.code, detail: parsed.detail ?? parsed.title ?? '', errors };
  } catch {
    return unknown;
  }
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110 section 10.2.3). */
function retryAfterMs(headers: Headers): number | null {
  const value = headers.get('retry-after');
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
