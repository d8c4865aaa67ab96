import { expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { reasonOf } from '../../journeys/console/deciding.ts';

describeConsole('a reviewer who decides in the Temporal UI', (stage) => {
  it.each([{ width: 1280 }, { width: 360, height: 740 }])(
    'gets a ticket at %o, once, and nothing is decided before it is sent',
    async (look) => {
      const request = await stage.cast.ask();
      const olga = await stage.signIn('olga', look);
      await olga.open(`/requests/${request.id}`);
      const section = olga.page.getByRole('region', { name: 'Ticket for the Temporal UI' });
      await section.getByRole('button', { name: 'Get an approval ticket' }).click();
      const dialog = olga.page.getByRole('dialog');
      await reasonOf(dialog).fill('by ticket');
      await dialog.getByRole('button', { name: 'Get the ticket' }).click();
      const shown = olga.page.getByRole('dialog', { name: 'Your ticket' });
      await shown.getByText(`open workflow ${request.id}`).waitFor();
      expect(await olga.accessibilityFaults()).toEqual([]);
      const ticket = (await shown.locator('code').first().getAttribute('title')) ?? '';
      await shown.getByRole('button', { name: 'I have copied it' }).click();
      await shown.waitFor({ state: 'hidden' });
      expect((await stage.cast.show(stage.cast.olga, request.id)).status).toBe('pending');
      await stage.cast.stack.temporal.workflow.getHandle(request.id).signal('decide', ticket);
      await stage.cast.stack.waitForStatus(request.id, 'succeeded');
      expect((await stage.cast.show(stage.cast.olga, request.id)).decisions).toMatchObject([
        { person: 'olga', verdict: 'approve', channel: 'temporal', reason: 'by ticket' },
      ]);
    },
  );
});
