import { parentPort, workerData } from 'node:worker_threads';

import { findingsOfPolicy } from '../../../database/policy-validation.ts';

parentPort?.postMessage(findingsOfPolicy(workerData));
