import { userInfo } from 'node:os';

import {
  installPolicy,
  type InstalledPolicy,
  type InstallReason,
  type PolicyToInstall,
} from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { refuseSuperuser } from '../../database/inspection.ts';

/** Connects, installs, and disconnects. The operator is named in the database, not in the audit log. */
export async function installPolicyInto(
  url: string,
  candidate: Pick<PolicyToInstall, 'policy' | 'digest' | 'sources'>,
  reason: InstallReason,
): Promise<InstalledPolicy> {
  const source = createDataSource({ url, applicationName: 'keyturn-policy', poolSize: 1 });
  await source.initialize();
  try {
    await refuseSuperuser(source);
    const by = { installedBy: operator(), at: new Date().toISOString() };
    return await installPolicy(source, { ...candidate, ...by }, reason);
  } finally {
    await source.destroy();
  }
}

function operator(): string {
  try {
    return `operator ${userInfo().username}`;
  } catch {
    // A numeric user without a name, as in containers.
    return `operator ${process.getuid?.() ?? ''}`.trim();
  }
}
