import { afterAll, beforeAll, expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { decide, waitForShown } from '../../journeys/console/deciding.ts';
import { startLocalWorker, type LocalWorker } from '../../workflows/local-worker.ts';
import { LostTarget, loseOutcome } from '../../workflows/lost-target.ts';

describeConsole(
  'an action whose outcome nobody knows',
  (stage) => {
    let worker: LocalWorker;
    beforeAll(async () => {
      worker = await startLocalWorker(stage.cast.stack, { target: new LostTarget() });
    });
    afterAll(() => worker.stop());

    it('is reported by one person, and on record once an operator agrees', async () => {
      const { stack } = stage.cast;
      const { id } = await stage.cast.ask({ statement: 'fine' });
      expect((await stack.decide(stage.cast.olga, id)).status).toBe(200);
      await loseOutcome(stack, worker, id);
      const [dmitri, petra] = await Promise.all([stage.signIn('dmitri'), stage.signIn('petra')]);
      await dmitri.open(`/requests/${id}`);
      await dmitri.page.getByRole('button', { name: 'Report what happened…' }).click();
      const dialog = dmitri.page.getByRole('dialog');
      await dialog.getByRole('radio', { name: 'It happened', exact: true }).check();
      await dialog.getByLabel('How you found out').fill('the ledger has its key');
      await dialog.getByText(/^Once an operator agrees: The request becomes succeeded/).waitFor();
      expect(await dmitri.accessibilityFaults()).toEqual([]);
      await dialog.getByRole('button', { name: 'Report, and ask an operator' }).click();
      await dialog.waitFor({ state: 'detached' });
      await waitForShown(dmitri.page, /^It happened, says Dmitri.*; waits for /);
      await petra.open(`/requests/${id}`);
      await petra.page.getByRole('link', { name: /^It happened, says Dmitri/ }).click();
      await waitForShown(petra.page, 'the ledger has its key');
      await decide(petra.page, 'Approve', 'I looked at the target');
      await stack.waitForStatus(id, 'succeeded');
      await waitForShown(dmitri.page, /^succeeded$/);
    });
  },
  { workers: 0 },
);
