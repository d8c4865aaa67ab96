import type { CDPSession, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';

import { describeConsole, type Visitor } from '../../journeys/console/browser.ts';
import { linesOf, waitForShown } from '../../journeys/console/deciding.ts';
import type { Cast } from '../../journeys/laws/cast.ts';
import { parseEvents } from '../../../sdk/events.ts';
import { copyRequests } from '../../stack/many-requests.ts';
import type { Stack } from '../../stack/stack.ts';
import { waitFor } from '../../stack/wait.ts';

const PENDING = 10_000;
/** What the page may hold, however many lines there are: those near the screen, and what is around them. */
const ELEMENTS_MAX = 2_500;
/** A person may read some hundred lines a second. */
const READ_MS = 400_000;
const FRAMES = 240;
/** A line is 45 pixels high: two lines a frame, as somebody scrolls who looks for something. */
const PIXELS_A_FRAME = 100;

describeConsole(`an inbox of ${PENDING} requests`, (stage) => {
  let first: string;
  beforeAll(async () => {
    const { id } = await stage.cast.ask({ claims: { justification: 'the first of many' } });
    first = id;
    await askForTheLast(stage.cast);
    // Its sweeper would close the copies, which have no workflow.
    await Promise.all(stage.cast.stack.workers.map((worker) => worker.stop()));
    await copyRequests(stage.cast.stack, { of: id, count: PENDING - 2, status: 'pending', isShown: true });
    // Else the first who sign in would hear of ten thousand changes.
    await untilNotified(stage.cast);
  }, 300_000);

  it('says that there are a thousand and more, and begins with what expires first', async () => {
    const olga = await stage.signIn('olga');
    await linesOf(olga.page).first().waitFor();
    for (const name of ['For you', 'Your groups', 'All'])
      await olga.page.getByRole('button', { name: `${name} 1000+` }).waitFor();
    await linesOf(olga.page).first().click();
    await waitForShown(olga.page, 'the first of many');
    await olga.page.getByRole('link', { name: 'Whole request' }).click();
    await olga.page.waitForURL(`**/requests/${first}`);
  });

  it(
    'scrolls to its end as easily as at its beginning, in a page that does not grow',
    { timeout: 2 * READ_MS },
    async () => {
      const olga = await stage.signIn('olga');
      await linesOf(olga.page).first().waitFor();
      // Who jumps to the end reads faster than one person may: the console waits as long as the answer says, and goes on.
      olga.expectRefusal(429);
      const short = await scrolling(olga.page);
      await readToTheEnd(olga);
      const long = await scrolling(olga.page);
      process.stdout.write(`${JSON.stringify({ short, long })}\n`);
      expect(long.elements).toBeLessThan(ELEMENTS_MAX);
      expect(long.elements).toBeLessThan(short.elements * 1.5);
      // CPU of the page, not time: a machine that is busy elsewhere must not decide about it.
      expect(long.busyMsAFrame).toBeLessThan(Math.max(short.busyMsAFrame, 4) * 2);
      expect(await olga.page.getByRole('listitem').last().getAttribute('aria-setsize')).toBe(String(PENDING));
    },
  );

  it('goes on by keys from where somebody is, at its end as well', { timeout: 2 * READ_MS }, async () => {
    const olga = await stage.signIn('olga');
    olga.expectRefusal(429);
    await linesOf(olga.page).first().waitFor();
    await readToTheEnd(olga);
    const last = olga.page.locator(`[role="listitem"][aria-posinset="${PENDING}"]`);
    await last.locator('button[aria-expanded]').click();
    await waitForShown(olga.page, 'the last of many');
    await olga.page.keyboard.press('k');
    const before = olga.page.locator(`[role="listitem"][aria-posinset="${PENDING - 1}"]`);
    await expect.poll(() => before.locator('button[aria-expanded]:focus').count()).toBe(1);
  });
});

/** One that expires after all others. */
async function askForTheLast(cast: Cast): Promise<void> {
  const { id } = await cast.ask({ claims: { justification: 'the last of many' } });
  const sql = `update keyturn.request set expires_at = expires_at + interval '1 day' where id = $1`;
  await cast.stack.keyturnDb.query(sql, [id]);
}

/** Waits until the API has read the log up to its end. */
async function untilNotified({ stack, olga }: Cast): Promise<void> {
  const { rows } = await stack.keyturnDb.query<{ newest: string }>(
    'select max(id) as newest from audit.entry',
  );
  const newest = Number(rows[0]?.newest);
  await waitFor({
    what: 'the API to read the log to its end',
    withinMs: 120_000,
    check: async () => (await positionOf(stack, olga)) >= newest || undefined,
  });
}

/** Up to which entry a new stream misses nothing. */
async function positionOf({ apis }: Stack, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const { body } = await fetch(`${apis[0]?.url}/v1/events`, { headers });
  for await (const { id } of parseEvents(body ?? new ReadableStream())) return Number(id);
  return 0;
}

/** Jumps to the end until nothing more comes, as the End key does. */
async function readToTheEnd({ page }: Visitor): Promise<void> {
  await expect
    .poll(
      async () => {
        await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
        return page.locator(`[role="listitem"][aria-posinset="${PENDING}"]`).count();
      },
      { timeout: READ_MS },
    )
    .toBe(1);
}

interface Scrolled {
  readonly elements: number;
  /** How long the main thread of the page worked for each frame. */
  readonly busyMsAFrame: number;
  readonly longestMs: number;
  readonly frameMs: number;
}

/** Scrolls down and up again near the end of what was read, a step each frame. */
async function scrolling(page: Page): Promise<Scrolled> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await page.evaluate('scrollTo(0, Math.max(0, document.documentElement.scrollHeight - 40000))');
  const before = await busyMs(session);
  const seen = await page.evaluate<Omit<Scrolled, 'busyMsAFrame'>>(SCROLL);
  const busyMsAFrame = ((await busyMs(session)) - before) / FRAMES;
  await session.detach();
  return { ...seen, busyMsAFrame };
}

async function busyMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1_000;
}

/** What is longer than 50 ms counts as a long task: nothing reacts meanwhile. */
const SCROLL = `new Promise((resolve) => {
  let frame = 0, longestMs = 0, elements = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration);
  });
  observer.observe({ type: 'longtask' });
  const startedAt = performance.now();
  const step = () => {
    elements = Math.max(elements, document.querySelectorAll('*').length);
    if (frame === ${FRAMES}) {
      observer.disconnect();
      return resolve({ elements, longestMs, frameMs: (performance.now() - startedAt) / frame });
    }
    frame += 1;
    scrollBy(0, frame <= ${FRAMES / 2} ? -${PIXELS_A_FRAME} : ${PIXELS_A_FRAME});
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})`;
