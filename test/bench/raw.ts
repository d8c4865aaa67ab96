import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import type { Client } from '@temporalio/client';

import type { Subject } from './subject.ts';

interface Notice {
  readonly kind: 'ready' | 'waiting' | 'done';
  readonly id: string;
}

/** The floor as a subject of measurement. */
export async function startRaw(client: Client, address: string, namespace: string): Promise<Subject> {
  const program = fileURLToPath(new URL('./raw-worker.ts', import.meta.url));
  const env = { ...process.env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  const child = fork(program, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const facts = listen(child);
  await facts.wait('ready', '');
  return {
    name: 'raw Temporal',
    pids: [child.pid ?? 0],
    workerPid: child.pid ?? 0,
    create: async () => {
      const id = `raw-${randomUUID()}`;
      await client.workflow.start('rawApproval', { workflowId: id, taskQueue: 'raw', args: [id] });
      return id;
    },
    waitPending: (id) => facts.wait('waiting', id),
    decide: (id) => client.workflow.getHandle(id).signal('go'),
    waitExecuted: (id) => facts.wait('done', id),
    stop: async () => {
      child.disconnect();
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

/** Remembers the messages of the worker, so that waiting works before and after they came. */
function listen(child: ChildProcess): { wait(kind: Notice['kind'], id: string): Promise<void> } {
  const received = new Set<string>();
  const waiters = new Map<string, () => void>();
  child.on('message', (message) => {
    const { kind, id } = message as Notice;
    received.add(`${kind} ${id}`);
    waiters.get(`${kind} ${id}`)?.();
    waiters.delete(`${kind} ${id}`);
  });
  return {
    wait: (kind, id) =>
      received.has(`${kind} ${id}`)
        ? Promise.resolve()
        : new Promise((resolve) => waiters.set(`${kind} ${id}`, resolve)),
  };
}
