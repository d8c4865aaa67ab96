import type { Page } from 'playwright-core';

/** The authenticator of a browser, which a test can take away or make refuse. */
export interface VirtualAuthenticator {
  /** Whether the person is verified when it signs: with a finger, a face or a PIN. */
  verify(isVerified: boolean): Promise<void>;
  /** All its passkeys are lost. */
  clear(): Promise<void>;
}

/** Gives a page's browser an authenticator like that of a laptop (Chromium's, over its protocol for tools). */
export async function addAuthenticator(page: Page): Promise<VirtualAuthenticator> {
  const tools = await page.context().newCDPSession(page);
  await tools.send('WebAuthn.enable');
  const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    verify: async (isUserVerified) => {
      await tools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    clear: async () => {
      await tools.send('WebAuthn.clearCredentials', { authenticatorId });
    },
  };
}
