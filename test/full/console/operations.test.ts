import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';
import { waitFor } from '../../stack/wait.ts';

describeConsole('the page about operations', (stage) => {
  it('says that all is well, with the worker, its queues and its sweeps', async () => {
    await waitFor({
      what: 'a first sweep',
      withinMs: 60_000,
      check: async () => (await stage.cast.stack.keyturnDb.query('select from keyturn.sweep')).rows[0],
    });
    await stage.cast.ask();
    const omar = await stage.signIn('omar');
    await omar.page.getByRole('link', { name: 'Operations' }).click();
    await omar.page.getByText(/Queue of workflows.*one worker, nothing waits/).waitFor();
    await omar.page.getByText(/Sweeper.*ran .* ago/).waitFor();
    await waitForShown(omar.page, 'None: every outcome is known, and every request moves.');
    expect(await omar.page.getByText('well', { exact: true }).count()).toBe(4);
  });

  it.each([
    { width: 390, scheme: 'light' },
    { width: 1440, scheme: 'dark' },
  ] as const)('names what sweeps found, with the way to it: $width, $scheme', async (look) => {
    const { id } = await stage.cast.ask();
    await stage.cast.stack.keyturnDb.query(
      `insert into keyturn.sweep values ('wedged', now(), 3, array[$1])
       on conflict (what) do update set requests = excluded.requests`,
      [id],
    );
    const omar = await stage.signIn('omar', look);
    await omar.open('/operations');
    await omar.page.getByText(/^Stalled, in a sweep/).waitFor();
    expect(await omar.accessibilityFaults()).toEqual([]);
    await omar.page.getByRole('link', { name: id }).click();
    await omar.page.waitForURL(`**/requests/${id}`);
  });

  it('is for operators and auditors: nobody else is shown the way to it, or an answer', async () => {
    const dmitri = await stage.signIn('dmitri');
    await dmitri.page.getByRole('link', { name: 'Kill switches' }).waitFor();
    expect(await dmitri.page.getByRole('link', { name: 'Operations' }).count()).toBe(0);
    dmitri.expectRefusal(403);
    await dmitri.open('/operations');
    await waitForShown(dmitri.page, 'Only operators and auditors, whom the policy names, may read this.');
  });
});
