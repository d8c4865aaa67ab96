import fs from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { waitFor } from '../../stack/wait.ts';

/** Blur and movement are most of the work of a browser that draws without graphics hardware. */
const STAND_STILL = `addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '*, *::before, *::after, ::backdrop { animation: none !important; transition: none !important; ' +
    'backdrop-filter: none !important; }';
  document.head.append(style);
});`;

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

/** Chromium on this machine, or null. */
export function findBrowser(): string | null {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const files = PROGRAMS.flatMap((program) => folders.map((folder) => path.join(folder, program)));
  return files.find((file) => fs.existsSync(file)) ?? null;
}

/** Starts the browser. It runs as the user who runs the tests, in containers that is root, so without its own sandbox. */
export function openBrowser(program: string): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--no-first-run'];
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', ...quiet] });
}

/** The page of one workflow in the Temporal UI, used as a person would use it: by what is written on it. */
export class WorkflowPage {
  /** Everything that the page wanted from anywhere else than this machine. It got none of it. */
  readonly refusedAddresses: string[] = [];
  readonly #page: Page;
  readonly #screenshots: string;

  private constructor(page: Page, screenshots: string) {
    this.#page = page;
    this.#screenshots = screenshots;
  }

  static async open(browser: Browser, url: string, screenshots: string): Promise<WorkflowPage> {
    fs.mkdirSync(screenshots, { recursive: true });
    const page = await browser.newPage({ viewport: { width: 1400, height: 1000 }, reducedMotion: 'reduce' });
    page.setDefaultTimeout(30_000);
    const opened = new WorkflowPage(page, screenshots);
    await opened.#stayHere();
    await page.addInitScript(STAND_STILL);
    await page.goto(url);
    await page.getByRole('button', { name: 'More Actions' }).waitFor();
    return opened;
  }

  async #stayHere(): Promise<void> {
    await this.#page.route('**/*', async (route) => {
      const address = new URL(route.request().url());
      if (['127.0.0.1', 'localhost'].includes(address.hostname) || address.protocol === 'data:') {
        return route.continue();
      }
      this.refusedAddresses.push(address.href);
      return route.abort();
    });
  }

  close(): Promise<void> {
    return this.#page.close();
  }

  async screenshot(name: string): Promise<void> {
    await this.#page.screenshot({ path: path.join(this.#screenshots, `${name}.png`) });
  }

  /** All that can be read on the page, waited for until it holds each of the texts. */
  async read(...texts: readonly (string | RegExp)[]): Promise<string> {
    let text = '';
    const isThere = (wanted: string | RegExp): boolean =>
      typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
    await waitFor({
      what: `the page to show ${texts.filter((wanted) => !isThere(wanted)).join(', ')}`,
      check: async () => {
        text = await this.#text();
        if (texts.every(isThere)) return true;
        // Reading all frames is work for the page, which may need the time to draw them.
        await this.#page.waitForTimeout(200);
        return undefined;
      },
      explain: async () => `it lacks ${texts.filter((wanted) => !isThere(wanted)).join(', ')} in ${text}`,
    });
    return text;
  }

  /** Metadata is shown inside frames: what they show is read, too. */
  async #text(): Promise<string> {
    const parts = this.#page.frames().map(async (frame) => {
      const body = frame.locator('body');
      return (await body.innerText({ timeout: 2_000 }).catch(() => '')).replaceAll('\u00a0', ' ');
    });
    return (await Promise.all(parts)).join('\n');
  }

  /** How many elements of a kind the frames with metadata hold: pictures and links that somebody wrote into names. */
  async countInMetadata(selector: string): Promise<number> {
    const frames = this.#page.frames().filter((frame) => frame !== this.#page.mainFrame());
    const counts = await Promise.all(frames.map((frame) => frame.locator(selector).count()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async openTab(name: string): Promise<void> {
    const label = new RegExp(`^${name}`);
    const tab = this.#page
      .getByRole('tab', { name: label })
      .or(this.#page.getByRole('link', { name: label }));
    await tab.first().click();
  }

  async reload(): Promise<void> {
    await this.#page.reload();
    await this.#page.getByRole('button', { name: 'More Actions' }).waitFor();
  }

  /** More Actions → Send a Signal → the signal → its input → Submit. Answers what the dialog said of the signal. */
  async sendSignal(name: string, json: string): Promise<string> {
    await this.#page.getByRole('button', { name: 'More Actions' }).click();
    await this.#page.getByRole('menuitem', { name: 'Send a Signal' }).click();
    const dialog = this.#page.getByRole('dialog').filter({ hasText: 'Send a Signal' });
    await dialog.getByRole('button', { name: 'Select a signal' }).click();
    const option = this.#page.getByRole('option', { name: new RegExp(`^${name}`) });
    const description = await option.innerText();
    await option.click();
    await this.#paste(dialog.getByRole('textbox', { name: 'Data' }), json);
    await this.screenshot(`signal-${name}`);
    await dialog.getByRole('button', { name: 'Submit' }).click();
    await dialog.waitFor({ state: 'hidden' });
    return description;
  }

  /**
   * All at once, as a paste is: typed letter by letter, the editor would add quotes of its own. It replaces what the
   * editor remembers of an earlier signal.
   */
  async #paste(field: Locator, text: string): Promise<void> {
    await field.click();
    await this.#page.keyboard.press('ControlOrMeta+A');
    await this.#page.keyboard.insertText(text);
    await waitFor({
      what: 'the editor to hold what was pasted',
      check: async () => (withoutSpace(await field.innerText()) === withoutSpace(text) ? true : undefined),
    });
    // When it is left, the editor lays the JSON out anew, and what was about to be clicked moves away.
    await field.blur();
  }
}

/** The editor breaks lines where it likes. */
function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '');
}
