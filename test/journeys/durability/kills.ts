import type { Stack } from '../../stack/stack.ts';

/** How processes die, and how their supervisor starts them again. */
export interface Kill {
  strike(stack: Stack): Promise<unknown>;
  recover(stack: Stack): Promise<unknown>;
}

/** Every process of the system, alone and all together. */
export const KILLS: Readonly<Record<string, Kill>> = {
  'the worker': {
    strike: ({ workers }) => Promise.all(workers.map((worker) => worker.kill9())),
    recover: ({ workers }) => Promise.all(workers.map((worker) => worker.start())),
  },
  'the API': {
    strike: ({ apis }) => Promise.all(apis.map((api) => api.kill9())),
    recover: ({ apis }) => Promise.all(apis.map((api) => api.start())),
  },
  'the Temporal server': {
    strike: async ({ temporalService }) => temporalService.server?.kill9(),
    recover: async ({ temporalService }) => temporalService.server?.start(),
  },
  'everything at once': {
    strike: ({ apis, workers, temporalService }) =>
      Promise.all([...apis, ...workers, temporalService.server].map((program) => program?.kill9())),
    recover: async ({ apis, workers, temporalService }) => {
      await temporalService.server?.start();
      await Promise.all([...apis, ...workers].map((program) => program.start()));
    },
  },
};
