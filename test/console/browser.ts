import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core';

import type { TestApi } from '../api/api.ts';
import { ORIGIN, signIn } from '../api/sign-in/browser.ts';
import { findBrowser } from '../journeys/temporal-ui/browser.ts';

/** A browser for which the public URL of the API leads to this one. */
export async function openChromium(api: TestApi): Promise<Browser> {
  const program = findBrowser();
  if (program === null)
    throw new Error('There is no Chromium on this machine: install the package chromium.');
  return chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', `--host-resolver-rules=MAP ${new URL(ORIGIN).host} ${new URL(api.url).host}`],
  });
}

interface Installed {
  readonly api: TestApi;
  readonly chromium: Browser;
}

/** The browser of somebody who is signed in, and whom the identity provider lets in again whenever it is asked to. */
export async function openAs(
  { api, chromium: browser }: Installed,
  subject: string,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const { cookies } = await signIn(api, subject);
  await context.addCookies([...cookies].map(([name, value]) => ({ name, value, url: ORIGIN })));
  await context.route(`${api.issuer.url}/**`, async (route) => {
    const { searchParams: asked } = new URL(route.request().url());
    api.issuer.answerToken = async () => ({
      access_token: 'unused',
      token_type: 'Bearer',
      id_token: await api.issuer.sign({
        sub: subject,
        aud: 'keyturn-console',
        nonce: asked.get('nonce') ?? '',
        ...(asked.get('prompt') === 'login' && { auth_time: Math.floor(Date.now() / 1_000) }),
      }),
    });
    const answer = new URLSearchParams({ code: 'code', state: asked.get('state') ?? '' });
    await route.fulfill({
      status: 303,
      headers: { location: `${ORIGIN}/sign-in/callback?${answer.toString()}` },
    });
  });
  return context;
}
