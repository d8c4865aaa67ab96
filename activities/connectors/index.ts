import type { ConnectorName } from '../../domain/request/connector-codes.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Connector } from './connector.ts';
import { createPolicyConnector } from './keyturn-policy/policy-connector.ts';
import { createResolutionConnector } from './keyturn-resolution/resolution-connector.ts';
import { createPostgresConnector } from './postgres/postgres-connector.ts';

/** Every connector of the catalogue, by its name. */
export function createConnectors({
  source,
  policies,
  log,
}: Pick<Dependencies, 'source' | 'policies' | 'log'>): Readonly<Record<ConnectorName, Connector>> {
  return {
    'postgres.execute': createPostgresConnector(),
    'keyturn.policy': createPolicyConnector({ source, policies }),
    'keyturn.resolution': createResolutionConnector({ source, log }),
  };
}
