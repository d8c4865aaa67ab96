import { ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';

import { createHistoryReader } from '../../apps/worker/temporal/history-reader.ts';

/** An answer of the server without a description of the workflow. */
function readerAnswered(error: Error): ReturnType<typeof createHistoryReader> {
  return readerOf(async () => {
    throw error;
  });
}

function readerOf(describeOne: () => Promise<unknown>): ReturnType<typeof createHistoryReader> {
  const workflow = { getHandle: () => ({ describe: describeOne }) };
  return createHistoryReader({ workflow } as unknown as Client, 'default');
}

function withCode(code: number): Error {
  const cause = Object.assign(new Error('no'), { code, details: '', metadata: {} });
  return new ServiceError('no description', { cause });
}

const RUN = { workflowId: 'req_x', runId: 'run' };

describe('whether a run is open', () => {
  it.each([
    ['DEADLINE_EXCEEDED', 4],
    ['PERMISSION_DENIED', 7],
    ['RESOURCE_EXHAUSTED', 8],
    ['UNAVAILABLE', 14],
    ['UNAUTHENTICATED', 16],
  ])('is not known of any run while Temporal answers %s', async (_name, code) => {
    await expect(readerAnswered(withCode(code)).isOpen(RUN)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is not known of this run where Temporal answers another error', async () => {
    const error = withCode(13);
    await expect(readerAnswered(error).isOpen(RUN)).rejects.toBe(error);
  });

  it('is reported only by the server that does not find it', async () => {
    const error = new WorkflowNotFoundError('gone', 'req_x', 'run');
    expect(await readerAnswered(error).isOpen(RUN)).toBe(false);
  });

  it.each([
    ['RUNNING', true],
    ['PAUSED', true],
    ['UNSPECIFIED', true],
    ['UNKNOWN', true],
    ['COMPLETED', false],
    ['FAILED', false],
    ['CANCELLED', false],
    ['TERMINATED', false],
    ['CONTINUED_AS_NEW', false],
    ['TIMED_OUT', false],
  ])('is false only of an end: %s', async (name, isOpen) => {
    expect(await readerOf(async () => ({ status: { name } })).isOpen(RUN)).toBe(isOpen);
  });
});
