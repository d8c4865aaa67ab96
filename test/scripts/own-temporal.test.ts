import { expect, it } from 'vitest';
import { startStack } from '../stack/stack.ts';

it('survives a killed Temporal server: what was pending is decided after its return', async () => {
  const stack = await startStack({ ownTemporal: true });
  try {
    const agent = await stack.issuer.agentToken('agent-billing');
    const created = await stack.request<{ id: string; status: string }>(agent, {
      action: 'postgres.execute',
      target: 'shop',
      arguments: { statement: 'update account set credit_limit = 5000 where id = 1042' },
    });
    expect(created.body.status).toBe('pending');
    await stack.temporalService.server?.kill9();
    await stack.temporalService.server?.start();
    const decided = await stack.decide(await stack.issuer.humanToken('olga'), created.body.id);
    expect(decided.status).toBeLessThan(300);
    await stack.waitForStatus(created.body.id, 'succeeded', 50_000);
  } finally {
    await stack.stop();
  }
}, 120_000);
