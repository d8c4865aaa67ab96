import { expect, it } from 'vitest';

import { describeConsole } from './browser.ts';
import { linesOf, openDialog, waitForShown } from './deciding.ts';

const LOOKS = [
  { width: 1280, height: 900, scheme: 'light' },
  { width: 1280, height: 900, scheme: 'dark' },
  { width: 360, height: 740, scheme: 'light' },
  { width: 360, height: 740, scheme: 'dark' },
] as const;

describeConsole('the console, as axe reads it', (stage) => {
  it.each(LOOKS)('has nothing that WCAG 2.2 AA forbids at $width pixels, $scheme', async (look) => {
    const { id } = await stage.cast.ask({ claims: { justification: 'as agreed with sales' } });
    const olga = await stage.signIn('olga', look);
    await linesOf(olga.page).first().waitFor();
    expect(await olga.accessibilityFaults(), 'Inbox').toEqual([]);
    await olga.open(`/requests/${id}`);
    await waitForShown(olga.page, 'as agreed with sales');
    expect(await olga.accessibilityFaults(), 'Request').toEqual([]);
    await openDialog(olga.page, 'Approve');
    expect(await olga.accessibilityFaults(), 'dialog').toEqual([]);
  });
});
