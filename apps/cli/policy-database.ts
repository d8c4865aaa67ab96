import type { EntityManager } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { refuseSuperuser } from '../../database/inspection.ts';
import { PolicyReader } from '../../database/readers.ts';
import type { CompiledPolicy } from '../../policy-files/compile.ts';
import { failure } from './exit.ts';

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

export async function activePolicy(
  manager: EntityManager,
): Promise<Pick<CompiledPolicy, 'policy' | 'digest'>> {
  const active = await new PolicyReader().active(manager);
  if (!active)
    throw failure(
      'no_policy',
      'No policy is active. To install the first one: keyturn policy install FOLDER',
    );
  return { policy: active.policy, digest: active.digest as CompiledPolicy['digest'] };
}
