import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';

describeConsole('somebody who looks for a request', (stage) => {
  it('finds it by its id, by what it would do, and by the day; the search stands in the address', async () => {
    const [wanted, other] = [await stage.cast.ask(), await stage.cast.ask({ target: 'shop-two-people' })];
    const omar = await stage.signIn('omar', { width: 390 });
    const { page } = omar;
    const lines = (id: string) => page.locator(`a[href^="/requests/${id}"]`);
    const search = async (text: string): Promise<void> => {
      await page.getByRole('searchbox').fill(text);
      await page.getByRole('searchbox').press('Enter');
    };
    await omar.open('/requests');
    await lines(other.id).waitFor();
    await search(wanted.id);
    await lines(other.id).waitFor({ state: 'detached' });
    await lines(wanted.id).waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe(wanted.id);
    await search('shop-two');
    await lines(other.id).waitFor();
    expect(await lines(wanted.id).count()).toBe(0);
    await search('UPDATES 1 row');
    await Promise.all([lines(wanted.id).waitFor(), lines(other.id).waitFor()]);
    await page.getByLabel('Created until').fill('2024-01-31');
    await waitForShown(page, /^No request that you may see is like that/);
    expect(await omar.accessibilityFaults()).toEqual([]);
    await omar.open('/requests?from=2024-01-31&q=updates');
    await lines(wanted.id).waitFor();
  });
});
