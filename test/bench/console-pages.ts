import type { Browser, BrowserContext, Page, Response } from 'playwright-core';

import { findBrowser, openBrowser } from '../journeys/temporal-ui/browser.ts';
import type { Seen } from './console-calls.ts';
import { recorded, type Recorded } from './console-floor.ts';
import type { Cookies } from './console-sessions.ts';
import { median, quantile } from './measure.ts';

interface Wanted {
  readonly name: string;
  readonly path: string;
  /** An expression that is true once somebody can read what they came for. */
  readonly isThere: string;
}

/** Milliseconds until a page could be read: by a browser that was never there, and again in the same one. */
interface Loads {
  readonly cold: number[];
  readonly warm: number[];
}

/** Pages in Chromium until they can be read, in turn with the same files and answers from bare node:http. */
export async function pageLines(seen: Seen, loads: number): Promise<readonly string[]> {
  const program = findBrowser();
  if (program === null) return ['Pages: not measured, since there is no Chromium on PATH.', ''];
  const browser = await openBrowser(program);
  try {
    const lines: string[] = [];
    for (const wanted of pagesOf(seen)) lines.push(...(await linesOf(browser, seen, { ...wanted, loads })));
    return [
      '| page in Chromium, until it can be read | bare p50 ms | bare p95 ms | Keyturn p50 ms | Keyturn p95 ms | ratio of p95 |',
      '| --- | ---: | ---: | ---: | ---: | ---: |',
      ...lines,
      '',
    ];
  } finally {
    await browser.close();
  }
}

function pagesOf({ request }: Seen): readonly Wanted[] {
  const button = `[...document.querySelectorAll('main button')].some((one) => one.textContent.startsWith('Approve'))`;
  return [
    { name: 'Inbox', path: '/inbox', isThere: `document.querySelector('[role="listitem"]')` },
    { name: 'Request', path: `/requests/${request}`, isThere: button },
  ];
}

async function linesOf(
  browser: Browser,
  { stack, floor, session }: Seen,
  { loads, ...wanted }: Wanted & { readonly loads: number },
): Promise<readonly string[]> {
  const api = stack.apis[0]?.url ?? '';
  await floor.keep(await recordedBy(browser, { url: api, session }, wanted));
  const sides = [floor.url, api].map((url) => ({ url, loads: { cold: [], warm: [] } as Loads }));
  for (let round = 0; round < loads; round += 1)
    for (const side of sides)
      await loadTwice(browser, { url: side.url, session }, { wanted, loads: side.loads });
  return (['cold', 'warm'] as const).map((kind) => {
    const [bare = [], ours = []] = sides.map((side) => side.loads[kind]);
    const figures = [bare, ours].flatMap((times) => [median(times), quantile(times, 0.95)]);
    const ratio = quantile(ours, 0.95) / quantile(bare, 0.95);
    return `| ${[`${wanted.name}, ${kind}`, ...figures.map((ms) => ms.toFixed(0)), ratio.toFixed(2)].join(' | ')} |`;
  });
}

interface Site {
  readonly url: string;
  readonly session: Cookies;
}

/** All that the page is made of, but the stream of events, which does not end. */
async function recordedBy(browser: Browser, site: Site, wanted: Wanted): Promise<readonly Recorded[]> {
  const context = await contextIn(browser, site);
  const page = await context.newPage();
  const answers: Response[] = [];
  page.on('response', (response) => answers.push(response));
  await shownMs(page, `${site.url}${wanted.path}`, wanted);
  await page.waitForLoadState('load');
  const kept = answers.filter((answer) => !answer.url().includes('/v1/events') && answer.status() === 200);
  const replies = await Promise.all(
    kept.map(async (answer) =>
      recorded(answer.url(), {
        status: answer.status(),
        headers: answer.headers(),
        body: await answer.body(),
      }),
    ),
  );
  await context.close();
  return replies;
}

async function loadTwice(
  browser: Browser,
  site: Site,
  { wanted, loads }: { readonly wanted: Wanted; readonly loads: Loads },
): Promise<void> {
  const context = await contextIn(browser, site);
  for (const times of [loads.cold, loads.warm]) {
    const page = await context.newPage();
    times.push(await shownMs(page, `${site.url}${wanted.path}`, wanted));
    await page.close();
  }
  await context.close();
}

async function contextIn(browser: Browser, { url, session }: Site): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
  });
  const cookies = (session.cookie ?? '').split('; ').map((cookie) => {
    const [name = '', value = ''] = cookie.split('=');
    return { name, value, url };
  });
  await context.addCookies(cookies);
  return context;
}

/** By the clock of the page, from the beginning of its navigation. */
async function shownMs(page: Page, url: string, { isThere }: Wanted): Promise<number> {
  await page.goto(url, { waitUntil: 'commit' });
  return page.evaluate<number>(`new Promise((resolve) => {
    const look = () => ${isThere} ? resolve(performance.now()) : requestAnimationFrame(look);
    look();
  })`);
}
