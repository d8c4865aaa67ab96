import { expect, it } from 'vitest';

import { describeConsole, type Look, type Visitor } from '../../journeys/console/browser.ts';
import { PAGES, type ConsolePage } from '../../journeys/console/pages.ts';

const WIDTHS_PX = [360, 390, 768, 1440, 1920];
const SCHEMES = ['light', 'dark'] as const;

const LOOKS = WIDTHS_PX.flatMap((width) =>
  SCHEMES.map((scheme) => ({ width, height: width < 500 ? 780 : 900, scheme }) satisfies Look),
);

/** What moves for longer than nobody sees, though its reader wants no motion. */
const MOTION = `document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().duration > 1)
  .map((one) => (one.animationName ?? one.transitionProperty) + ' of ' + one.effect.target.outerHTML.slice(0, 200))`;

/** The elements that reach past the right end of a page which scrolls sideways. */
const SIDEWAYS = `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 200))`;

describeConsole('every page of the console', (stage) => {
  it.each(LOOKS)('can be read and used at $width pixels, $scheme', async (look) => {
    const olga = await stage.signIn('olga', look);
    const faults: Record<string, readonly string[]> = {};
    for (const [route, page] of Object.entries(PAGES)) {
      await olga.open(await page.at(stage));
      await waitUntilRead(olga, page);
      await keepPicture(olga, `${route.replaceAll(/\W+/g, '-')}-${look.width}-${look.scheme}`);
      const found = await faultsOf(olga);
      if (found.length > 0) faults[route] = found;
    }
    expect(faults).toEqual({});
  });

  it.each(SCHEMES)('so can what is there where nothing is, on a phone, %s', async (scheme) => {
    const look = { width: 360, height: 780, scheme };
    const olga = await stage.signIn('olga', look);
    await olga.open('/no-such-page');
    await olga.page.getByRole('heading', { level: 1 }).waitFor();
    expect(await faultsOf(olga), 'no such page').toEqual([]);
    olga.expectRefusal(404);
    await olga.open('/requests/req_nobody');
    await olga.page.getByRole('alert').first().waitFor();
    expect(await faultsOf(olga), 'no such request').toEqual([]);
    await olga.open('/requests?q=no-such-word');
    await waitUntilRead(olga, { at: async () => '', heading: 'Requests' });
    expect(await faultsOf(olga), 'nothing found').toEqual([]);
  });
});

async function waitUntilRead({ page }: Visitor, { heading, shows }: ConsolePage): Promise<void> {
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
  if (shows) await page.getByRole('main').getByText(shows).first().waitFor();
  await expect.poll(() => page.locator('main [aria-busy="true"]').count(), { timeout: 20_000 }).toBe(0);
}

async function faultsOf(visitor: Visitor): Promise<readonly string[]> {
  const sideways = await visitor.page.evaluate<string[]>(SIDEWAYS);
  const moving = await visitor.page.evaluate<string[]>(MOTION);
  return [
    ...(await visitor.accessibilityFaults()),
    ...sideways.map((one) => `wider than the screen: ${one}`),
    ...moving.map((one) => `moves: ${one}`),
  ];
}

/** For somebody who wants to look: set KEYTURN_PICTURES to a folder. */
async function keepPicture(visitor: Visitor, name: string): Promise<void> {
  const folder = process.env['KEYTURN_PICTURES'];
  if (folder) await visitor.page.screenshot({ path: `${folder}/page${name}.png`, fullPage: true });
}
