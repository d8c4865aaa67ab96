import { parentPort, workerData } from 'node:worker_threads';

import { findingsOfPolicy } from '../../../policy-files/validation.ts';

parentPort?.postMessage(findingsOfPolicy(workerData));
