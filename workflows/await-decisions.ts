import { condition, sleep } from '@temporalio/workflow';

import type { Consumed } from '../activities/index.ts';
import { EXPIRY_GRACE_MS, nextEscalation, type EscalationStep } from '../domain/approval/escalation.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import { durable, history } from './activities.ts';
import type { SignalQueue } from './signal-queue.ts';
import { Looks } from './flood-checks.ts';
import type { RequestView, Round } from './request-view.ts';
import { consumedIn, lateIn, statusIn, waitMsUntil, workedOut } from './results.ts';

/**
 * Waits until people have decided, somebody withdrew, or the request expired. Messages go first: a decision that was
 * issued in time counts, however late the worker comes to it.
 */
export async function awaitDecisions(
  round: Round,
  view: RequestView,
  queue: SignalQueue,
): Promise<RequestStatus> {
  const closesAt = Date.parse(round.expires_at) + EXPIRY_GRACE_MS;
  let escalatedUntil = round.pending_since;
  let status: RequestStatus = 'pending';
  const looks = new Looks(queue);
  while (status === 'pending') {
    const from = escalatedUntil;
    const next = workedOut(() => nextEscalation(view.tallyFacts(round), from));
    if (queue.isWaiting) {
      status = await consumeBatch(queue, view);
    } else if (queue.isReminded) {
      const step = `${round.round}/${queue.takeReminder()}`;
      const looked = statusIn(await durable.reconsider({ step, at: new Date().toISOString() }));
      // What somebody said may be worth nothing any more: then their seat escalates again.
      const { counted } = looked;
      if (counted !== undefined) workedOut(() => view.restates(counted));
      status = looked.status;
    } else if (Date.now() >= closesAt) {
      return expire(round, queue, view);
    } else if (next !== null && Date.parse(next.at) <= Date.now()) {
      const step = { step: `${round.round}/${escalatedUntil}`, since: escalatedUntil };
      const escalated = statusIn(await durable.escalate({ ...step, at: new Date().toISOString() }));
      const { counted } = escalated;
      if (counted !== undefined) workedOut(() => view.restates(counted));
      ({ status, until: escalatedUntil } = escalated);
    } else {
      await sleepUntil({ next, closesAt, looks, queue });
    }
  }
  return status;
}

interface Deadlines {
  readonly next: EscalationStep | null;
  readonly closesAt: number;
  readonly looks: Looks;
  readonly queue: SignalQueue;
}

/** Wakes at the next deadline, when a message arrives, or to look. The summary shows in the Temporal UI. */
async function sleepUntil({ next, closesAt, looks, queue }: Deadlines): Promise<void> {
  const escalatesAt = next === null ? Number.POSITIVE_INFINITY : Date.parse(next.at);
  const deadline = Math.min(closesAt, escalatesAt);
  const looksAt = looks.nextAt() ?? Number.POSITIVE_INFINITY;
  const isLook = looksAt < deadline;
  const isExpiry = closesAt <= escalatesAt;
  const waits = isExpiry ? 'expires: silence is a denial' : `escalates to ${next?.to ?? ''}`;
  const summary = isLook ? 'looks for decisions: too many signals came' : waits;
  const wakesAt = Math.min(deadline, looksAt);
  const isWoken = await condition(() => queue.isWaiting || queue.isReminded, waitMsUntil(wakesAt), {
    summary,
  });
  if (!isLook || isWoken) return;
  looks.look();
  queue.remind();
}

/** Records everything that is left, so that also what came too late or was junk is on record. */
export async function drain(queue: SignalQueue, view: RequestView): Promise<void> {
  while (!queue.isEmpty) await consumeBatch(queue, view);
}

async function expire(round: Round, queue: SignalQueue, view: RequestView): Promise<RequestStatus> {
  await drain(queue, view);
  const expired = await durable.expire({ step: `${round.round}`, at: new Date().toISOString() });
  const { status } = statusIn(expired);
  return status;
}

async function consumeBatch(queue: SignalQueue, view: RequestView): Promise<RequestStatus> {
  const batch = queue.take();
  const consumed = consumedIn(await durable.consume({ ...batch, at: new Date().toISOString() }));
  queue.ignore(consumed.ignored ?? 0);
  workedOut(() => view.counts(consumed.counted));
  return consumed.late.length > 0 ? consumeLate(consumed, batch.step, view) : consumed.status;
}

async function consumeLate({ late }: Consumed, step: number, view: RequestView): Promise<RequestStatus> {
  const batch = { messages: late, junk: 0, step, at: new Date().toISOString() };
  for (;;) {
    const consumed = lateIn(await history.consumeLate(batch));
    if (consumed !== null) {
      view.counts(consumed.counted);
      return consumed.status;
    }
    // Completed by somebody else, with whatever they like: then it is called again, which counts nothing twice.
    await sleep('10 seconds', { summary: 'the answer about late tickets was not readable' });
  }
}
