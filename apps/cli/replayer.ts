import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, type ReplayWorkerOptions } from '@temporalio/worker';

import { PRIVILEGED_ACTION } from '../../workflows/messages.ts';
import { failure } from './exit.ts';

/** Where histories come from. */
export type HistorySource =
  | { readonly kind: 'request'; readonly request: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'file'; readonly file: string; readonly request: string | null };

/** What to replay, and against what. */
export interface Replay {
  readonly source: HistorySource;
  readonly address: string;
  readonly namespace: string;
  readonly bundle: string | undefined;
}

/** One history that was replayed. `difference` is null when today's code does the same as the recorded one. */
export interface ReplayedHistory {
  readonly request: string;
  readonly run: string;
  /** The first event that differs, where the SDK names it. */
  readonly event: { readonly id: number; readonly type: string } | null;
  readonly difference: string | null;
}

type Histories = Parameters<typeof Worker.runReplayHistories>[1];

/** Replays histories against today's workflow code. Nothing is changed anywhere. */
export async function replayHistories(replay: Replay): Promise<ReplayedHistory[]> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const options = replayOptions(replay.bundle);
  if (replay.source.kind === 'file') return collect(options, await historiesOfFile(replay.source));
  const connection = await connect(replay.address);
  try {
    const client = new Client({ connection, namespace: replay.namespace });
    return await collect(options, await historiesOfServer(client, replay.source));
  } finally {
    await connection.close();
  }
}

async function connect(address: string): Promise<Connection> {
  return Connection.connect({ address }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : '';
    throw failure('unreachable', `The Temporal server at ${address} cannot be reached: ${reason}`);
  });
}

async function historiesOfServer(
  client: Client,
  source: Exclude<HistorySource, { kind: 'file' }>,
): Promise<Histories> {
  if (source.kind === 'all') {
    return client.workflow
      .list({ query: `WorkflowType = '${PRIVILEGED_ACTION}'` })
      .intoHistories({ concurrency: 4 });
  }
  const history = await client.workflow.getHandle(source.request).fetchHistory();
  return [{ workflowId: source.request, history }];
}

async function historiesOfFile({
  file,
  request,
}: {
  file: string;
  request: string | null;
}): Promise<Histories> {
  const history: unknown = JSON.parse(await readFile(file, 'utf8'));
  return [{ workflowId: request ?? workflowIdOf(history) ?? file, history }];
}

/** The id that the first event tells, as the CLI of Temporal and the SDK write it. */
function workflowIdOf(history: unknown): string | undefined {
  const { events } = history as {
    events?: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
  };
  return events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
}

async function collect(options: ReplayWorkerOptions, histories: Histories): Promise<ReplayedHistory[]> {
  const replayed: ReplayedHistory[] = [];
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(options, histories)) {
    const difference = error?.message ?? null;
    replayed.push({
      request: workflowId,
      run: runId,
      difference,
      event: difference === null ? null : firstEvent(difference),
    });
  }
  return replayed;
}

/** The SDK names the event that does not fit as `HistoryEvent(id: 7, ActivityTaskScheduled)`. */
export function firstEvent(message: string): ReplayedHistory['event'] {
  const [, id, type] = /HistoryEvent\(id: (\d+), (?:Some\()?(\w+)/.exec(message) ?? [];
  return id === undefined || type === undefined ? null : { id: Number(id), type };
}

/** The same code and the same converter that the worker runs. */
function replayOptions(bundle: string | undefined): ReplayWorkerOptions {
  return {
    workflowBundle: { codePath: bundle ?? builtFile('workflow-bundle.js') },
    dataConverter: { payloadConverterPath: builtFile('workflows/payload-converter.js') },
  };
}

/** A file of the build, found from the compiled program and from its sources alike. */
function builtFile(name: string): string {
  const candidates = [`../../${name}`, `../../dist/${name}`].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw failure('not_built', `${name} is not there: run npm run build first.`);
  return found;
}
