import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';

describeConsole('the page about policy', (stage) => {
  it.each([
    { width: 390, scheme: 'light' },
    { width: 390, scheme: 'dark' },
    { width: 1440, scheme: 'light' },
    { width: 1440, scheme: 'dark' },
  ] as const)('shows each rule in words with its condition: $width, $scheme', async (look) => {
    const dmitri = await stage.signIn('dmitri', look);
    const { page } = dmitri;
    await dmitri.open('/policy');
    const usual = page.getByRole('article', { name: 'usual' });
    expect(await usual.innerText()).toMatch(
      /requires people[\s\S]*A database administrator looks[\s\S]*Requires approval of postgres.execute in prod, always[\s\S]*1 person of group:dba[\s\S]*also group:dba-leads after 30m[\s\S]*expires after/i,
    );
    await page.getByText('From which machine is shown to operators and auditors.').waitFor();
    await page.getByRole('rowheader', { name: 'keyturn.policy.publish' }).waitFor();
    const folder = process.env['KEYTURN_PICTURES'];
    if (folder) await dmitri.picture(`${folder}/policy-${look.width}-${look.scheme}.png`);
    expect(await dmitri.accessibilityFaults()).toEqual([]);
    await page.getByRole('searchbox', { name: 'Search the rules' }).fill('no-such-rule');
    await page.getByText('No rule has that in it.').waitFor();
    expect(new URL(page.url()).search).toBe('?q=no-such-rule');
  });
});
