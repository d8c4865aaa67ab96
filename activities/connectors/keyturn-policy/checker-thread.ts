import { parentPort, workerData } from 'node:worker_threads';

import { problemsOfPolicy } from '../../../database/policy-validation.ts';

parentPort?.postMessage(problemsOfPolicy(workerData));
