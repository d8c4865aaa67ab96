import { Button, Center, Loader, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';

import type { OwnSession } from '../../../contract/sessions.ts';
import { isSignedOut } from '../api/calls.ts';
import { Failure } from '../shell/failure.tsx';
import { SessionContext, sessionQuery } from './session.ts';
import { goToSignIn, isCircle, noteSignedIn, signInPath } from './sign-in.ts';

/** Shows its children to somebody who is signed in, and everybody else the way in. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const { data, error, refetch } = useQuery(sessionQuery);
  if (data) return <SignedIn session={data}>{children}</SignedIn>;
  if (!error)
    return (
      <Center mih="60dvh">
        <Loader size="sm" aria-label="Loading" />
      </Center>
    );
  if (isSignedOut(error)) return <SignedOut />;
  return (
    <Center mih="60dvh" p="md">
      <Failure error={error} retry={() => void refetch()} />
    </Center>
  );
}

function SignedIn({ session, children }: { readonly session: OwnSession; readonly children: ReactNode }) {
  // The page belongs to the person it was opened by: nothing of it is shown to the next one.
  const [opened] = useState(session);
  useEffect(noteSignedIn, []);
  if (opened.person !== session.person)
    return (
      <Notice title="Somebody else is signed in now">
        <Text>{session.name} has signed in with this browser since this page was opened.</Text>
        <Button onClick={() => location.reload()}>Reload the page</Button>
      </Notice>
    );
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Deep links go on to sign in at once. The first page waits: signing out leads there, and must not sign in again. */
function SignedOut() {
  const isGoing = location.pathname !== '/' && !isCircle();
  useEffect(() => {
    if (isGoing) goToSignIn();
  }, [isGoing]);
  if (isGoing) return <Notice title="Signing in">You are on your way to sign in.</Notice>;
  const isRefused = isCircle() && location.pathname !== '/';
  return (
    <Notice title={isRefused ? 'The sign-in did not last' : 'Nobody is signed in here'}>
      <Text className="keyturn-quiet">
        {isRefused
          ? 'You signed in, but the browser did not send the session back. Allow cookies for this address, then sign in again.'
          : 'Keyturn asks people before agents and pipelines act. Sign in to see what waits for you.'}
      </Text>
      <Button component="a" href={signInPath()}>
        Sign in
      </Button>
    </Notice>
  );
}

function Notice({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Center mih="60dvh" p="md" component="main">
      <Stack maw="26rem" gap="md" align="flex-start">
        <Title order={1} size="h3">
          {title}
        </Title>
        {children}
      </Stack>
    </Center>
  );
}
