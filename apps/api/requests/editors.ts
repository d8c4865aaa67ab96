import { readProposer } from '../../../database/policy-candidates.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { LineageMember } from '../../../domain/identity.ts';
import { PUBLISH } from '../../../domain/policy.ts';
import { digestSchema } from '../../../domain/wire-policies.ts';
import type { CreateBody } from '../../../domain/wire.ts';
import type { ApiContext } from '../context.ts';

/** Who wrote what the arguments name: for a policy, who proposed it. Refuses a policy that nobody proposed. */
export async function editorsOf(
  { source }: ApiContext,
  body: Pick<CreateBody, 'action' | 'arguments'>,
): Promise<readonly LineageMember[]> {
  if (body.action !== PUBLISH.action) return [];
  const candidate = digestSchema.safeParse(body.arguments['candidate']);
  // What is no digest is refused with the other arguments.
  if (!candidate.success) return [];
  const proposer = await readProposer(source.manager, candidate.data);
  if (proposer === undefined)
    throw new KeyturnError('unknown_policy', 'Nobody proposed such a policy: run keyturn policy publish.');
  return proposer === null ? [] : [{ ...proposer, role: 'editor' }];
}
