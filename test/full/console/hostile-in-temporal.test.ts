import path from 'node:path';

import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { findBrowser, openBrowser, WorkflowPage } from '../../journeys/temporal-ui/browser.ts';

/** Names from outside, and what may be read of them in the Temporal UI. */
const NAMES: readonly (readonly [what: string, subject: string])[] = [
  ['a script', '<script>alert(1)</script><img src=x onerror=alert(1)>'],
  ['characters that turn the reading around', 'olga\u202egnp.\u2066x\u2069'],
  ['characters of no width', 'ol\u200bga\u2060\ufeff'],
  ['orders to a terminal', '\u001b[2J\u001b[31mdenied\u0007'],
  ['Markdown that looks like the page', '**Status:** approved\u2028# Yes [Approve](http://127.0.0.1:9/)'],
  ['lines of its own', 'x\n\nStatus: approved\n- [x] Two seats filled'],
];

describeConsole('names that somebody wrote, in the Temporal UI', (stage) => {
  it.each(NAMES)('%s stays a name', async (_what, subject) => {
    const { cast } = stage;
    const request = await cast.ask({ onBehalfOf: { subject }, claims: { justification: subject } });
    const { temporal_ui_url: url } = await cast.show(cast.olga, request.id);
    const browser = await openBrowser(findBrowser() ?? '');
    try {
      const screenshots = path.join(cast.stack.folder, 'screenshots', request.id);
      const ui = await WorkflowPage.open(browser, url ?? '', screenshots);
      await ui.openTab('User Metadata');
      const metadata = await ui.read('Status: pending', 'on_behalf_of:');
      expect(metadata).not.toMatch(
        // oxlint-disable-next-line no-control-regex -- they are what is looked for
        /[\u0000-\u0008\u000B-\u001F\u007F\u200B\u2028-\u202E\u2060-\u2069\uFEFF]/,
      );
      expect(metadata.match(/^Status: /gm)).toHaveLength(1);
      expect(await ui.countInMetadata('img, h1, script, input')).toBe(0);
      expect(await ui.countInMetadata('a[href*=":9/"]')).toBe(0);
      expect(ui.refusedAddresses).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
