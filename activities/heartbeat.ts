import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 2_000;

/** Does the work of a regular activity. A worker that dies meanwhile is noticed soon, however long the work may take. */
export async function withHeartbeat<Result>(work: () => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
