import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';

describeConsole('the pages about people', (stage) => {
  it.each([
    { width: 390, scheme: 'light' },
    { width: 1440, scheme: 'dark' },
  ] as const)('say why somebody may approve, and who says so: $width, $scheme', async (look) => {
    const omar = await stage.signIn('omar', look);
    await omar.open('/people?q=dmitri');
    const line = omar.page.getByRole('link', { name: 'Dmitri Sokolov' });
    await line.waitFor();
    expect(await omar.accessibilityFaults()).toEqual([]);
    await line.click();
    await omar.page.waitForURL('**/people/dmitri');
    await omar.page.getByRole('heading', { name: 'Rules that name this person' }).waitFor();
    await omar.page
      .getByText(/Named by .*group:dba/)
      .first()
      .waitFor();
    expect(await omar.accessibilityFaults()).toEqual([]);
  });

  it('are for operators and auditors: nobody else is shown the way to them, or an answer', async () => {
    const dmitri = await stage.signIn('dmitri');
    await dmitri.page.getByRole('link', { name: 'Kill switches' }).waitFor();
    expect(await dmitri.page.getByRole('link', { name: 'People' }).count()).toBe(0);
    dmitri.expectRefusal(403);
    await dmitri.open('/people');
    await waitForShown(dmitri.page, 'Only operators and auditors, whom the policy names, may read this.');
  });
});
