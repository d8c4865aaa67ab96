import { denyingRules, SWITCHED_OFF } from '../domain/execution/denial.ts';
import type { CreateBody, RequestView } from '../contract/requests.ts';
import type { KeyturnClient } from './client.ts';
import { refuseUnknownOptions } from './options.ts';
import { FINISHED } from './statuses.ts';

/** What is asked before the function may run. */
export type GuardedAction = Omit<CreateBody, 'mode' | 'start'>;

/** How a function is guarded. */
export interface GuardOptions<Parameters extends readonly unknown[]> {
  readonly client: Pick<KeyturnClient, 'request' | 'untilFinished' | 'withdraw'>;
  /** The action that a call stands for. Asked again before running: what is run must be what was asked. */
  readonly action: (...parameters: Parameters) => GuardedAction;
  /**
   * The same key never gets a second decision. A fresh one for each call unless given: then a process that is killed while
   * people decide leaves its request behind, which nobody can withdraw for it, and asks anew when it starts again. Only the
   * caller knows what makes two calls the same one (a run, a message, a ticket): give a key made of that where it matters.
   * The request under such a key stays when the call ends, however it ends: the next call with it goes on waiting.
   */
  readonly idempotencyKey?: (...parameters: Parameters) => string;
  /** How long people may take, milliseconds. Without it: until the request ends, at the latest by expiring. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The function was not run: nobody allowed it, or nobody did so in time. */
export class KeyturnRefusal extends Error {
  /** `denied`, `expired`, …; `undecided` when the time was up; `invalid` when the answer does not entitle to this call. */
  readonly reason: string;
  readonly request: RequestView;

  constructor(reason: string, request: RequestView) {
    super(
      `Keyturn did not allow ${request.action} on ${request.target}: ${reason}${causeOf(request)} (${request.id}).`,
    );
    this.name = 'KeyturnRefusal';
    this.reason = reason;
    this.request = request;
  }
}

/** The kill switch or the rules by which it was denied, or its failure: as far as the caller may know them. */
function causeOf({ denied_by: deniedBy, matched_rules: rules, failure }: RequestView): string {
  const failed = failure === null ? '' : `, ${failure.code}`;
  if (deniedBy !== 'policy') return deniedBy === null ? failed : ` by a ${deniedBy}`;
  if (failure?.code === SWITCHED_OFF) return ' by a kill switch';
  const named = denyingRules(rules ?? []).map(({ id, because }) =>
    because === null ? id : `${id} (${because})`,
  );
  return ` by policy${named.length === 0 ? '' : `, by the rule ${named.join(', ')}`}`;
}

/**
 * Wraps a function so that it runs only after Keyturn allowed that very call (mode `gate`), and only while the decision
 * is valid. Everything else throws and the function does not run: `KeyturnRefusal` for a no, `KeyturnProblem` for a
 * refused call, whatever was thrown for a failure on the way. A request that is not waited for any more is withdrawn, so
 * that nobody is asked about what will not happen, unless its key was given: then another call may go on waiting for it.
 *
 * A key makes the decision once, not the action: while the answer is valid, each call with the same key runs the function.
 * What must happen only once needs a key of its own where it happens.
 */
export function guard<Parameters extends readonly unknown[], Result>(
  options: GuardOptions<Parameters>,
  run: (...parameters: Parameters) => Result | Promise<Result>,
): (...parameters: Parameters) => Promise<Result> {
  refuseUnknownOptions('guard()', options, ['client', 'action', 'idempotencyKey', 'timeoutMs', 'signal']);
  return async (...parameters) => {
    const requested = textOf(options, parameters);
    const request = await decided(options, parameters);
    const isSame = textOf(options, parameters) === requested;
    if (request.status !== 'succeeded') throw new KeyturnRefusal(reasonOf(request), request);
    if (!isSame || !entitles(request, options.action(...parameters)))
      throw new KeyturnRefusal('invalid', request);
    return run(...parameters);
  };
}

/** A caller could change parameters that it keeps while people decide. */
function textOf<Parameters extends readonly unknown[]>(
  { action }: GuardOptions<Parameters>,
  parameters: Parameters,
): string {
  return JSON.stringify(action(...parameters));
}

async function decided<Parameters extends readonly unknown[]>(
  options: GuardOptions<Parameters>,
  parameters: Parameters,
): Promise<RequestView> {
  const { client, signal, idempotencyKey } = options;
  const created = await client.request(
    { ...options.action(...parameters), mode: 'gate' },
    {
      ...(idempotencyKey ? { idempotencyKey: idempotencyKey(...parameters) } : {}),
      ...(signal ? { signal } : {}),
    },
  );
  if (created.kind === 'recorded' && created.request.status === 'succeeded') return created.request;
  const id = created.kind === 'recorded' ? created.request.id : created.id;
  return waited(options, id);
}

async function waited<Parameters extends readonly unknown[]>(
  { client, signal, timeoutMs, idempotencyKey }: GuardOptions<Parameters>,
  id: string,
): Promise<RequestView> {
  let last: RequestView | null = null;
  try {
    last = await client.untilFinished(id, {
      ...(signal ? { signal } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return last;
  } finally {
    // Best effort: a decision that came first stays, and the function does not run by it.
    const isOver = last !== null && FINISHED.has(last.status);
    if (!isOver && idempotencyKey === undefined)
      await client.withdraw(id, 'The caller stopped waiting.').catch(() => undefined);
  }
}

function reasonOf({ status }: RequestView): string {
  return FINISHED.has(status) ? status : 'undecided';
}

/** Checked in full: an answer that lacks anything entitles to nothing. */
function entitles(request: RequestView, action: GuardedAction): boolean {
  const { decision, performed_by_keyturn, valid_until } = (request.result ?? {}) as Record<string, unknown>;
  return (
    isAbout(request, action) &&
    (decision === 'allowed' || decision === 'approved') &&
    performed_by_keyturn === false &&
    typeof valid_until === 'string' &&
    Date.parse(valid_until) > Date.now()
  );
}

function isAbout(request: RequestView, action: GuardedAction): boolean {
  return (
    request.mode === 'gate' &&
    request.action === action.action &&
    request.target === action.target &&
    request.is_break_glass === (action.break_glass ?? false) &&
    isFor(request, action)
  );
}

/** True when the person whom the call names stands behind the answer: somebody else's answer is none. */
function isFor({ lineage, requested_by }: RequestView, { on_behalf_of: named }: GuardedAction): boolean {
  if (named === undefined) return true;
  const issuer = named.issuer ?? requested_by.issuer;
  return lineage.some(
    (member) =>
      (member.role === 'on_behalf_of' || member.role === 'requester') &&
      member.issuer === issuer &&
      member.subject === named.subject,
  );
}
