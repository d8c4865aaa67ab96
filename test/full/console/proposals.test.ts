import { expect, it } from 'vitest';

import type { Proposal } from '../../../contract/policies.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { describeConsole } from '../../journeys/console/browser.ts';
import { sourcesOf } from '../../policy-files/decompile.ts';
import { activePolicy } from '../../workflows/policies.ts';

describeConsole('the pages about proposed policies', (stage) => {
  let publication = '';

  /** Petra proposes that nobody changes anything in production, and that others look at the rest. */
  async function proposed(): Promise<string> {
    if (publication !== '') return publication;
    const { cast } = stage;
    for (let n = 0; n < 3; n += 1) await cast.ask();
    const policy = await activePolicy(cast.stack.keyturnDb);
    const rules = policy.rules.map((rule) => ({ ...rule, because: `${rule.because ?? ''} (as before)` }));
    const stop = {
      id: 'stop-prod',
      on: { action: ['postgres.execute'], env: ['prod'] },
      when: 'plan.rows > 0',
      effect: 'forbid' as const,
      because: 'Nothing is changed there now',
      require: null,
      replaces_default: false,
      source: 'rules/stop-prod.yaml:1',
    };
    const candidate = { ...policy, rules: [...rules, stop] };
    const { status, body } = await cast.post<Proposal>(cast.petra, '/v1/policies', sourcesOf(candidate));
    expect([status, body]).toMatchObject([201, {}]);
    const request = await cast.stack.request<RequestView>(cast.petra, {
      action: 'keyturn.policy.publish',
      target: 'keyturn',
      arguments: { candidate: body.digest, base: body.active },
    });
    const { id } = request.body;
    await cast.stack.waitForStatus(id, 'pending');
    publication = id;
    return id;
  }

  it.each([
    { width: 390, scheme: 'light' },
    { width: 390, scheme: 'dark' },
    { width: 1440, scheme: 'light' },
    { width: 1440, scheme: 'dark' },
  ] as const)(
    'lead from the request to what changes rule by rule, and to the requests of the past: $width, $scheme',
    async (look) => {
      const id = await proposed();
      const olga = await stage.signIn('olga', look);
      const { page } = olga;
      const folder = process.env['KEYTURN_PICTURES'];
      await olga.open(`/requests/${id}`);
      await page.getByRole('link', { name: 'Compare rule by rule' }).click();
      const rule = page.getByRole('article', { name: 'stop-prod' });
      expect(await rule.innerText()).toMatch(
        /added: tightens[\s\S]*Forbids postgres.execute in prod[\s\S]*plan.rows > 0[\s\S]*nobody/,
      );
      expect(await page.getByRole('article', { name: 'usual' }).innerText()).toContain('(as before)');
      await page.getByText('Publishing it takes two different people').waitFor();
      await page.getByRole('button', { name: 'Run the backtest' }).click();
      const plot = page.getByRole('img', { name: /sent to people before and forbidden after/ });
      await plot.waitFor();
      const table = page.getByRole('region', { name: 'Requests that would be otherwise' });
      expect(await table.innerText()).toMatch(
        /postgres.execute on shop[\s\S]*stricter[\s\S]*1 person of group:dba/,
      );
      await page.getByRole('region', { name: 'Changes to rules/stop-prod.yaml' }).waitFor();
      if (folder) await olga.picture(`${folder}/proposal-${look.width}-${look.scheme}.png`);
      expect(await olga.accessibilityFaults()).toEqual([]);
      await page.getByRole('link', { name: 'All proposals' }).click();
      await page.getByRole('link', { name: /waits for a decision by Petra/ }).waitFor();
      if (folder) await olga.picture(`${folder}/proposals-${look.width}-${look.scheme}.png`);
      expect(await olga.accessibilityFaults()).toEqual([]);
    },
  );

  it('show the backtest to nobody who does not review the publication, and say who may', async () => {
    await proposed();
    const dmitri = await stage.signIn('dmitri');
    const { page } = dmitri;
    await dmitri.open('/policy');
    await page.getByRole('link', { name: 'Proposed policies' }).click();
    await page.getByRole('link', { name: /waits for a decision/ }).click();
    dmitri.expectRefusal(403);
    await page.getByRole('button', { name: 'Run the backtest' }).click();
    await page.getByText('only reviewers of this request, operators and auditors may read it').waitFor();
    expect(await page.getByRole('region', { name: 'Requests that would be otherwise' }).count()).toBe(0);
  });
});
