import { parentPort, workerData } from 'node:worker_threads';

import { findingsOfSources, type CheckWork } from './validation.ts';

parentPort?.postMessage(findingsOfSources(workerData as CheckWork));
