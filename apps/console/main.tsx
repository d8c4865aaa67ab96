import './trusted-types.ts';
import '@mantine/core/styles.css';
import './console.css';

import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { createQueryClient } from './api/query-client.ts';
import { LiveChanges } from './live/live-changes.tsx';
import { announceNonce, styleNonce } from './nonce.ts';
import { createConsoleRouter } from './routes.tsx';
import { SessionGate } from './session/session-gate.tsx';
import { ErrorBoundary } from './shell/error-boundary.tsx';
import { theme } from './theme.ts';

announceNonce();
// After an upgrade the files of the old page are gone. Once: a page that fails again says so (see ErrorBoundary).
addEventListener('vite:preloadError', (event) => {
  const reloaded = 'keyturn-reloaded-at';
  if (Date.now() - Number(sessionStorage.getItem(reloaded)) < 60_000) return;
  sessionStorage.setItem(reloaded, String(Date.now()));
  event.preventDefault();
  location.reload();
});

const queryClient = createQueryClient();
const router = createConsoleRouter();
const colorSchemeManager = localStorageColorSchemeManager({ key: 'keyturn-color-scheme' });

const root = document.getElementById('console');
if (!root) throw new Error('The page has no element for the console.');
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      colorSchemeManager={colorSchemeManager}
      getStyleNonce={styleNonce}
    >
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          <SessionGate>
            <LiveChanges>
              <RouterProvider router={router} />
            </LiveChanges>
          </SessionGate>
        </QueryClientProvider>
      </ErrorBoundary>
    </MantineProvider>
  </StrictMode>,
);
