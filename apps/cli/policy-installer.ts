import { userInfo } from 'node:os';

import {
  installPolicy,
  type InstalledPolicy,
  type InstallReason,
  type PolicyToInstall,
} from '../../activities/policy-install.ts';
import { withDatabase } from './policy-database.ts';

/** Connects, installs, and disconnects. The operator is named in the database, not in the audit log. */
export function installPolicyInto(
  url: string,
  candidate: Pick<PolicyToInstall, 'policy' | 'digest' | 'sources'>,
  reason: InstallReason,
): Promise<InstalledPolicy> {
  const by = { installedBy: operator(), at: new Date().toISOString() };
  return withDatabase(url, ({ connection }) => installPolicy(connection, { ...candidate, ...by }, reason));
}

function operator(): string {
  try {
    return `operator ${userInfo().username}`;
  } catch {
    // A numeric user without a name, as in containers.
    return `operator ${process.getuid?.() ?? ''}`.trim();
  }
}
