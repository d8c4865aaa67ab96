import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  bundleWorkflowCode,
  DefaultLogger,
  Worker,
  type InjectedSinks,
  type ReplayWorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker';

import { compiled } from '../stack/databases.ts';
import type { Observation, ObserverSinks } from './observer.ts';

/** What a recorded path came to. */
export interface Outcome {
  readonly workflow_id: string;
  /** How it ended in the database; for workflow and record must agree. */
  readonly status: string;
  /** Everything that the workflow code did, in order. */
  readonly observations: readonly Observation[];
}

/** A recorded path. */
export interface Fixture extends Outcome {
  readonly name: string;
  readonly history: unknown;
}

/** What a replay of one path found. */
export interface Replayed {
  readonly name: string;
  readonly error: Error | null;
  readonly observations: readonly Observation[];
}

const FOLDER = import.meta.dirname;
const OUTCOMES = 'outcomes.json';

export function fixtureFile(name: string): string {
  return path.join(FOLDER, `${name}.json`);
}

/** Where the outcomes of all paths are. */
export const outcomesFile = path.join(FOLDER, OUTCOMES);

/** All recorded paths. */
export function readFixtures(): Fixture[] {
  const outcomes = JSON.parse(readFileSync(outcomesFile, 'utf8')) as Record<string, Outcome>;
  const recorded = readdirSync(FOLDER).filter((file) => file.endsWith('.json') && file !== OUTCOMES);
  return recorded.map((file) => {
    const name = file.slice(0, -'.json'.length);
    const outcome = outcomes[name];
    if (!outcome) throw new Error(`${file} has no outcome in ${OUTCOMES}: record again.`);
    return {
      name,
      ...outcome,
      history: JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as unknown,
    };
  });
}

/** A bundle of workflow code (today's, unless another folder is given) that tells what it does. */
export async function observedBundle(
  workflowsPath = compiled('workflows/index.js'),
): Promise<WorkflowBundleOption> {
  return bundleWorkflowCode({
    workflowsPath,
    payloadConverterPath: compiled('workflows/payload-converter.js'),
    workflowInterceptorModules: [fileURLToPath(new URL('./observer.ts', import.meta.url))],
    logger: new DefaultLogger('ERROR'),
  });
}

/** Replays paths against workflow code. */
export async function replayAll(
  bundle: WorkflowBundleOption,
  fixtures: readonly Pick<Fixture, 'name' | 'workflow_id' | 'history'>[],
): Promise<Replayed[]> {
  const observations = new Map<string, Observation[]>();
  const sinks: InjectedSinks<ObserverSinks> = {
    observer: {
      saw: {
        fn: ({ workflowId }, observation) => {
          observations.set(workflowId, [...(observations.get(workflowId) ?? []), observation]);
        },
        callDuringReplay: true,
      },
    },
  };
  const options: ReplayWorkerOptions = {
    workflowBundle: bundle,
    dataConverter: { payloadConverterPath: compiled('workflows/payload-converter.js') },
    sinks,
  };
  const replayed: Replayed[] = [];
  const histories = fixtures.map(({ workflow_id, history }) => ({ workflowId: workflow_id, history }));
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    const name = fixtures.find((fixture) => fixture.workflow_id === workflowId)?.name ?? workflowId;
    // As they are after a journey through JSON, which is how they are stored.
    const seen = JSON.parse(JSON.stringify(observations.get(workflowId) ?? [])) as Observation[];
    replayed.push({ name, error: error ?? null, observations: seen });
  }
  return replayed;
}
