import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Client, type Connection, type HistoryAndWorkflowId } from '@temporalio/client';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type ReplayWorkerOptions,
} from '@temporalio/worker';

import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';

import { PRIVILEGED_ACTION } from '../../workflows/messages.ts';
import { temporalOf } from './doctor-temporal.ts';
import { failure } from './exit.ts';

export interface Replay {
  /** The request; without one the history names it, or all of the server are replayed. */
  readonly id: string | undefined;
  /** A saved history, in place of the server. */
  readonly file: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
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
  const options = replayOptions(replay.bundle);
  if (replay.file !== undefined) return collect(options, await historiesOfFile(replay.file, replay.id));
  const { connection, namespace, address } = temporalOf(replay.environment);
  try {
    await connect(connection, address);
    const client = new Client({ connection, namespace });
    return await collect(options, await historiesOfServer(client, replay.id));
  } finally {
    // Else it would retry for ever, and the program would never end.
    await connection.close();
  }
}

/** The SDK would write what it thinks of a history to standard output, where our own answer belongs. */
function silenceRuntime(): void {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
  });
}

async function connect(connection: Connection, address: string): Promise<void> {
  try {
    await connection.ensureConnected();
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw failure(
      'unreachable',
      `The Temporal server at ${address} cannot be reached: ${reason}. TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where it is; ` +
        'npm start writes them into .keyturn/operator.env.',
    );
  }
}

async function historiesOfServer(client: Client, id: string | undefined): Promise<Histories> {
  if (id === undefined) {
    return client.workflow
      .list({ query: `WorkflowType = '${PRIVILEGED_ACTION}'` })
      .intoHistories({ concurrency: 4 });
  }
  const history = await client.workflow.getHandle(id).fetchHistory();
  return [{ workflowId: id, history }];
}

async function historiesOfFile(file: string, request: string | undefined): Promise<Histories> {
  const history = historyFromJSON(JSON.parse(await readFile(file, 'utf8')));
  return [{ workflowId: request ?? workflowIdOf(history) ?? file, history }];
}

function workflowIdOf(history: History): string | undefined {
  return history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId || undefined;
}

async function collect(options: ReplayWorkerOptions, histories: Histories): Promise<ReplayedHistory[]> {
  // From here on the process lives until a worker of the SDK has ended.
  silenceRuntime();
  const replayed: ReplayedHistory[] = [];
  const underway = new Map<string, History>();
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(
    options,
    remember(histories, underway),
  )) {
    const difference = error ? reasonOf(error.message) : null;
    const event = difference === null ? null : firstEvent(difference, underway.get(workflowId));
    replayed.push({ request: workflowId, run: runId, event, difference });
    underway.delete(workflowId);
  }
  return replayed;
}

type History = ReturnType<typeof historyFromJSON>;

/** Keeps each history until its result is known: differences are looked up in it. */
async function* remember(
  histories: Histories,
  underway: Map<string, History>,
): AsyncGenerator<HistoryAndWorkflowId> {
  for await (const entry of histories) {
    underway.set(entry.workflowId, entry.history as History);
    yield entry;
  }
}

/** The SDK wraps the reason in the printed form of a whole failure. */
function reasonOf(message: string): string {
  const [, inner] = /message: ("(?:[^"\\]|\\.)*")/.exec(message) ?? [];
  try {
    const reason: unknown = inner === undefined ? null : JSON.parse(inner);
    return typeof reason === 'string' && reason !== '' ? reason : message;
  } catch {
    return message;
  }
}

/**
 * The SDK names the event that does not fit as `HistoryEvent(id: 7, ActivityTaskScheduled)`, or, for an activity under
 * another name or id, only by that: then it is looked up in the history.
 */
export function firstEvent(difference: string, history?: History): ReplayedHistory['event'] {
  const [, id, type] = /HistoryEvent\(id: (\d+), (?:Some\()?(\w+)/.exec(difference) ?? [];
  if (id !== undefined && type !== undefined) return { id: Number(id), type };
  const [, name] = /of scheduled event '([^']*)'/.exec(difference) ?? [];
  const event = history?.events?.find(
    ({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === name || scheduled?.activityId === name,
  );
  return name === undefined || !event ? null : { id: Number(event.eventId), type: 'ActivityTaskScheduled' };
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
