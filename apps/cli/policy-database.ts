import type { EntityManager } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { refuseSuperuser } from '../../database/inspection.ts';
import { PolicyReader } from '../../database/readers.ts';
import { failure } from './exit.ts';
import type { LoadedPolicy } from './policy-folder.ts';

/** Connects, runs `use`, and disconnects. */
export async function withDatabase<Result>(
  url: string,
  use: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  const source = createDataSource({ url, applicationName: 'keyturn-policy', poolSize: 1 });
  await source.initialize();
  try {
    await refuseSuperuser(source);
    return await use(source.manager);
  } finally {
    await source.destroy();
  }
}

export async function activePolicy(manager: EntityManager): Promise<LoadedPolicy> {
  const active = await new PolicyReader().active(manager);
  if (!active) throw failure('no_policy', 'No policy is active: install one first.');
  return { policy: active.policy, digest: active.digest as LoadedPolicy['digest'] };
}
