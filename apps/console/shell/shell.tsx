import { AppShell } from '@mantine/core';
import { Outlet } from '@tanstack/react-router';
import { useEffect } from 'react';

import { SessionOver } from '../session/session-over.tsx';
import { drawFavicon } from './favicon.ts';
import { BottomBar, SideBar, TopBar } from './navigation.tsx';
import { useWaitingCount } from './waiting-count.ts';

/** What is around every page: the way to the others, who is signed in, and what waits. */
export function Shell() {
  const waiting = useWaitingCount();
  useEffect(() => drawFavicon(waiting), [waiting]);
  return (
    <>
      <a className="keyturn-skip" href="#page">
        Skip to the page
      </a>
      <AppShell
        header={{ height: { base: 48, sm: 0 } }}
        navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: true } }}
        footer={{ height: { base: 'calc(56px + env(safe-area-inset-bottom))', sm: 0 } }}
        transitionDuration={0}
      >
        <AppShell.Header component="div" role="region" hiddenFrom="sm" aria-label="Keyturn and your account">
          <TopBar />
        </AppShell.Header>
        <AppShell.Navbar visibleFrom="sm" aria-label="Pages">
          <SideBar waiting={waiting} />
        </AppShell.Navbar>
        <AppShell.Main id="page" tabIndex={-1}>
          <Outlet />
        </AppShell.Main>
        <AppShell.Footer component="div" hiddenFrom="sm">
          <BottomBar waiting={waiting} />
        </AppShell.Footer>
      </AppShell>
      <SessionOver />
    </>
  );
}
