import { expect, it } from 'vitest';

import type { PolicyToday } from '../../../contract/policy-today.ts';
import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';
import { activate, activePolicy } from '../../workflows/policies.ts';

describeConsole('somebody who looks back at a request', (stage) => {
  it('learns whether the policy of today would decide otherwise, from the facts on record', async () => {
    const { cast } = stage;
    const { id } = await cast.ask();
    const path = `/v1/requests/${id}/today`;
    expect((await cast.stack.decide(cast.olga, id, { verdict: 'deny', reason: 'no' })).status).toBe(200);
    await cast.stack.waitForStatus(id, 'denied');
    const same = await cast.get<PolicyToday>(cast.olga, path);
    expect(same.body).toMatchObject({ is_same: true, why_not: null, today: { effect: 'review' } });
    expect((await cast.get(cast.ada, path)).status).toBe(403);
    expect((await cast.get(cast.agent, path)).status).toBe(403);
    const db = cast.stack.keyturnDb;
    await activate(db, { ...(await activePolicy(db)), rules: [] });
    const olga = await stage.signIn('olga', { width: 390, scheme: 'dark' });
    await olga.open(`/requests/${id}`);
    await olga.page.getByRole('button', { name: 'Evaluate it' }).click();
    await waitForShown(olga.page, 'Yes, it would decide otherwise.');
    const compared = olga.page.getByRole('region', { name: /^Would today/ });
    expect(await compared.innerText()).toMatch(/By the active policy[\s\S]*Rules\s*none/);
    expect(await olga.accessibilityFaults()).toEqual([]);
  });
});
