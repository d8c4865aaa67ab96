import fs from 'node:fs';
import path from 'node:path';

import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { StackOptions } from '../../stack/stack.ts';
import { openCast, type Cast } from '../laws/cast.ts';
import { findBrowser, openBrowser } from '../temporal-ui/browser.ts';

const program = findBrowser();
const isMandatory = process.env['CI'] === 'true';

/** A browser that draws without graphics hardware beside everything else takes its time. */
const TIMEOUT_MS = 180_000;

/** How somebody looks at the console. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
}

/** Real servers, and the browsers of those who use the console. */
export interface Stage {
  readonly cast: Cast;
  /** Signs somebody in with a browser of their own. It is closed after the test, which fails if its page found any fault. */
  signIn(subject: string, look?: Look): Promise<Visitor>;
  /** A browser in which nobody is signed in. */
  visit(look?: Look): Promise<Visitor>;
}

/**
 * Journeys through the console in Chromium, on a stack of their own; skipped with a word where there is none. Find things
 * by role and name, as `visitor.page.getByRole('button', { name: 'Approve' })` does: classes are nobody's promise.
 */
export function describeConsole(
  name: string,
  journeys: (stage: Stage) => void,
  options: StackOptions = {},
): void {
  if (program === null && !isMandatory)
    process.stdout.write(
      `\n*** SKIPPED: no Chromium on PATH, so nobody looked at the console (${name}). Install it (Debian: apt install chromium). ***\n\n`,
    );
  it.skipIf(!isMandatory)('in CI, there is a browser', () => {
    expect(program, 'Chromium must be on PATH (Debian: apt install chromium)').not.toBeNull();
  });
  describe.skipIf(program === null)(name, { timeout: TIMEOUT_MS }, () => {
    const stage = new OpenStage();
    beforeAll(() => stage.open(options));
    afterEach(({ task }) => stage.leave(task.result?.state === 'fail' ? task.name : null));
    afterAll(() => stage.close());
    journeys(stage);
  });
}

class OpenStage implements Stage {
  #cast: Cast | undefined;
  #browser: Browser | undefined;
  #visitors: Visitor[] = [];
  #host = '127.0.0.1';

  get cast(): Cast {
    if (!this.#cast) throw new Error('The stage is not open yet.');
    return this.#cast;
  }

  async open(options: StackOptions): Promise<void> {
    this.#host = options.publicHost ?? this.#host;
    [this.#cast, this.#browser] = await Promise.all([openCast(options), openBrowser(program ?? '')]);
  }

  async visit({ width = 1280, height = 900, scheme = 'light' }: Look = {}): Promise<Visitor> {
    const context = await this.#browser?.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
    });
    if (!context) throw new Error('The stage is not open yet.');
    const origin = (this.cast.stack.apis[0]?.url ?? '').replace('127.0.0.1', this.#host);
    const visitor = await Visitor.open(context, origin);
    this.#visitors.push(visitor);
    return visitor;
  }

  async signIn(subject: string, look?: Look): Promise<Visitor> {
    const visitor = await this.visit(look);
    await visitor.open(`/sign-in?return_to=/inbox&login_hint=${subject}`);
    await visitor.passProvider(subject);
    await visitor.page.getByRole('heading', { name: 'Inbox', level: 1 }).waitFor();
    return visitor;
  }

  /** Closes the browsers of a test. Throws where a page of theirs found a fault. */
  async leave(failed: string | null): Promise<void> {
    const visitors = this.#visitors.splice(0);
    const folder = path.join(this.cast.stack.folder, 'screenshots');
    for (const [index, { page }] of visitors.entries())
      if (failed !== null)
        await page.screenshot({ path: path.join(folder, `${failed.replaceAll(/\W+/g, '-')}-${index}.png`) });
    const faults = visitors.flatMap((visitor) => visitor.takeFaults());
    await Promise.all(visitors.map((visitor) => visitor.close()));
    expect(faults).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#cast?.stack.stop();
  }
}

/** One browser, and what went wrong in it: any error in its console, violation of its policy, or address that is not ours. */
export class Visitor {
  readonly page: Page;
  readonly #origin: string;
  readonly #faults: string[] = [];
  readonly #expected = new Set<string>();

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
  }

  static async open(context: BrowserContext, origin: string): Promise<Visitor> {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const visitor = new Visitor(page, origin);
    await context.exposeBinding('reportViolation', (_source, text: string) => visitor.#fault(text));
    await context.addInitScript(REPORT_VIOLATIONS);
    context.on('console', (message) => visitor.#hear(message));
    context.on('weberror', (error) => visitor.#fault(`uncaught: ${String(error.error())}`));
    page.on('dialog', (dialog) => {
      visitor.#fault(`${dialog.type()}: ${dialog.message()}`);
      void dialog.dismiss();
    });
    context.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (!['127.0.0.1', 'localhost'].includes(hostname) && protocol !== 'data:')
        visitor.#fault(`asked for ${request.url()}`);
    });
    return visitor;
  }

  /** Opens a path of the console. */
  async open(localPath: string): Promise<void> {
    await this.page.goto(`${this.#origin}${localPath}`);
  }

  /** Signs in at the identity provider, and comes back. */
  async passProvider(subject: string): Promise<void> {
    await this.page.getByLabel('Name').fill(subject);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.waitForURL((url) => url.origin === this.#origin);
  }

  /** The API refuses with this status in this journey, which Chromium writes into its console as an error. */
  expectRefusal(status: 401 | 403 | 404 | 409 | 422 | 429): void {
    this.#expected.add(`the server responded with a status of ${status} `);
  }

  /** What axe finds that WCAG 2.2 AA forbids, in words. */
  async accessibilityFaults(): Promise<string[]> {
    // Past the policy of the page, as a tool of the browser does.
    await this.page.evaluate(axe.source);
    const { violations }: AxeResults = await this.page.evaluate(
      `axe.run(document, ${JSON.stringify(RULES)})`,
    );
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html}: ${failureSummary}`),
    );
  }

  /** A picture of what is seen, in the folder of the stack or at a path. */
  async picture(file: string): Promise<void> {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
  }

  /** All that went wrong so far, but what was expected. Forgets it. */
  takeFaults(): readonly string[] {
    return this.#faults.splice(0).filter((fault) => ![...this.#expected].some((one) => fault.includes(one)));
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  #hear(message: ConsoleMessage): void {
    const { url } = message.location();
    // The identity provider's page is not ours.
    if (message.type() !== 'error' || !(url === '' || url.startsWith(this.#origin))) return;
    this.#fault(`console: ${message.text()} (${url})`);
  }

  #fault(text: string): void {
    this.#faults.push(text);
  }
}

const RULES = {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
};

/** Runs in the page before anything else. Failed checks of Trusted Types are violations, too. */
const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  reportViolation(event.violatedDirective + ' blocked ' + event.blockedURI + ' ' + event.sample + ' at ' + event.sourceFile + ':' + event.lineNumber));`;
