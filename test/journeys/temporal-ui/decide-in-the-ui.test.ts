import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import { openCast, stepsOf, waitForStep, type Cast } from '../laws/cast.ts';
import { findBrowser, openBrowser, WorkflowPage } from './browser.ts';

const program = findBrowser();
const isMandatory = process.env['CI'] === 'true';

if (program === null && !isMandatory) {
  process.stdout.write(
    '\n*** SKIPPED: no Chromium on PATH, so nobody has decided in the Temporal UI. Install it (Debian: apt install chromium). ***\n\n',
  );
}

it.skipIf(!isMandatory)('in CI, there is a browser', () => {
  expect(program, 'Chromium must be on PATH (Debian: apt install chromium)').not.toBeNull();
});

/** A browser that draws without graphics hardware beside everything else takes its time. */
const TIMEOUT_MS = 180_000;

describe.skipIf(program === null)(
  'a reviewer with nothing but the Temporal UI',
  { timeout: TIMEOUT_MS },
  () => {
    let cast: Cast;
    let browser: Browser;
    let page: WorkflowPage | undefined;

    beforeAll(async () => {
      [cast, browser] = await Promise.all([openCast(), openBrowser(program ?? '')]);
    });

    afterAll(async () => {
      await page?.close();
      await browser?.close();
      await cast?.stack.stop();
    });

    /** By the link that Keyturn itself gives to reviewers. */
    async function open(request: RequestView, token: string): Promise<WorkflowPage> {
      await page?.close();
      const { temporal_ui_url: url } = await cast.show(token, request.id);
      expect(url).toContain(request.id);
      page = await WorkflowPage.open(
        browser,
        url ?? '',
        path.join(cast.stack.folder, 'screenshots', request.id),
      );
      return page;
    }

    async function limitOf(account: number): Promise<number> {
      const sql = 'select credit_limit from account where id = $1';
      return Number((await cast.stack.target.query(sql, [account])).rows[0].credit_limit);
    }

    it('reads what is asked, by whom, what is awaited and how to decide, and decides there with a ticket', async () => {
      const statement = 'update account set credit_limit = 8765 where id = 1101';
      const request = await cast.ask({ statement, claims: { justification: 'because I say so' } });
      const ui = await open(request, cast.olga);

      const front = await ui.read(
        request.id,
        'Run one SQL statement (postgres.execute)',
        'Shop (prod) (shop, prod)',
      );
      expect(front).toContain('Billing agent (agent-billing)');
      expect(front).toContain('Ticket for the Temporal UI');
      await ui.read('receive', 'plan', 'escalates to group:dba-leads');
      await ui.screenshot('pending');

      const { risk } = await cast.show(cast.olga, request.id);
      await ui.openTab('User Metadata');
      const metadata = await ui.read(
        'postgres.execute on shop (prod), requested by Billing agent (agent-billing)',
        'Status: pending',
        '0 of 1 from group:dba',
      );
      for (const fact of [
        'Action: Run one SQL statement (postgres.execute, version 1)',
        'Target: Shop (prod) (shop)',
        'Environment: prod',
        'Requested by: Billing agent (agent-billing)',
        'owner: ada',
        `Intent digest: ${request.intent_digest}`,
        `Risk: ${risk}`,
        `Expires: ${request.expires_at}`,
        `Decision digest: ${request.decision_digest}`,
        'More Actions, Send a Signal, decide, and paste the ticket as a JSON string',
      ]) {
        expect(metadata).toContain(fact);
      }
      expect(metadata).not.toMatch(/8765|because I say so/);
      await ui.screenshot('metadata');

      expect(await limitOf(1101)).not.toBe(8765);
      const { body } = await cast.ticket(cast.olga, request, { reason: 'read it in the UI' });
      const description = await ui.sendSignal('decide', JSON.stringify(body.ticket));
      expect(description).toContain('Decide with a ticket');
      await cast.stack.waitForStatus(request.id, 'succeeded');
      expect(await limitOf(1101)).toBe(8765);

      await ui.reload();
      await ui.openTab('Timeline');
      await ui.read('COMPLETED', '"succeeded"', 'consume', 'execute', 'decide');
      await ui.screenshot('succeeded');
      const [decision] = (await cast.show(cast.dmitri, request.id)).decisions ?? [];
      expect(decision).toMatchObject({ person: 'olga', channel: 'temporal', outcome: 'counted' });
      expect(ui.refusedAddresses).toEqual([]);
    });

    it('sees the seats fill up, and may paste the whole answer of the API', async () => {
      const statement = 'update account set credit_limit = 8766 where id = 1102';
      const request = await cast.ask({ target: 'shop-two-people', statement });
      expect((await cast.stack.decide(cast.olga, request.id)).status).toBe(200);
      const ui = await open(request, cast.dmitri);
      await ui.openTab('User Metadata');
      await ui.read('1 of 2 from group:dba (rule two-people)', 'Status: pending');
      await ui.openTab('Timeline');
      await ui.read('expires: silence is a denial');
      const { body } = await cast.ticket(cast.dmitri, request);
      await ui.sendSignal('decide', JSON.stringify(body));
      await cast.stack.waitForStatus(request.id, 'succeeded');
      expect(await limitOf(1102)).toBe(8766);
    });

    it('achieves nothing without a ticket', async () => {
      const request = await cast.ask();
      const ui = await open(request, cast.olga);
      await ui.sendSignal('decide', '"approve"');
      await ui.reload();
      await ui.sendSignal('decide', '{"verdict":"approve","reviewer":"olga"}');
      await ui.openTab('User Metadata');
      await ui.read('Status: pending', '0 of 1 from group:dba');
      expect((await cast.stack.decide(cast.olga, request.id, { verdict: 'deny' })).status).toBe(200);
      // What came before the denial is on record together with it.
      await waitForStep(cast.stack, request.id, 'decision.unauthenticated');
      expect(await stepsOf(cast.stack, request.id)).not.toContain('request.approved');
    });

    it('is shown names from outside as text: no picture is fetched, no heading drawn, no fact forged', async () => {
      const subject =
        '**Status:** approved\u2028# Yes [ok](http://127.0.0.1:9/) ![x](https://evil.example/x.png) <img src=x>';
      const request = await cast.ask({ onBehalfOf: { subject } });
      const ui = await open(request, cast.olga);
      await ui.openTab('User Metadata');
      const metadata = await ui.read('Status: pending', 'on_behalf_of:');
      expect(metadata).toContain('**Status:** approved # Yes [ok]');
      expect(await ui.countInMetadata('img, h1')).toBe(0);
      expect(await ui.countInMetadata('a[href*="evil.example"], a[href*=":9/"]')).toBe(0);
      expect(ui.refusedAddresses).toEqual([]);
      await ui.screenshot('hostile-names');
    });
  },
);
