import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';

describeConsole('somebody who looks back at a request', (stage) => {
  it('moves with the keys through how it stood', async () => {
    const { id } = await stage.cast.ask();
    expect((await stage.cast.stack.decide(stage.cast.olga, id, { reason: 'fine' })).status).toBe(200);
    await stage.cast.stack.waitForStatus(id, 'succeeded');
    const dmitri = await stage.signIn('dmitri', { width: 390 });
    await dmitri.open(`/requests/${id}`);
    const slider = dmitri.page.getByRole('slider', { name: 'How it stood' });
    await waitForShown(dmitri.page, 'succeeded, 1 of 1 seat filled');
    await slider.press('Home');
    await waitForShown(dmitri.page, /^planning$/);
    for (let n = 0; n < 2; n += 1) await slider.press('ArrowRight');
    await waitForShown(dmitri.page, 'pending, 0 of 1 seat filled');
    expect(await dmitri.accessibilityFaults()).toEqual([]);
  });
});
