import { Button } from '@mantine/core';

import type { SessionList } from '../../../contract/sessions.ts';
import { Ago, Instant } from '../shown/instant.tsx';
import classes from './me.module.css';

interface SessionTableProps {
  readonly sessions: SessionList['items'];
  readonly end: (id: string) => void;
  /** The one that is being ended. */
  readonly ending: string | null;
}

/** Sessions, each with a way to end it; the one of this browser ends by signing out. */
export function SessionTable({ sessions, end, ending }: SessionTableProps) {
  return (
    <ul className={classes.sessions}>
      {sessions.map((session) => (
        <li key={session.id} className={classes.session}>
          <div className={classes.when}>
            <div>
              Signed in <Instant at={session.began_at} />
              {session.is_current && <span className={classes.mark}>this browser</span>}
            </div>
            <div className="keyturn-quiet">
              as {session.identity.subject} · last used <Ago at={session.seen_at} /> · ends{' '}
              <Instant at={session.expires_at} />
            </div>
          </div>
          {!session.is_current && (
            <Button
              size="xs"
              variant="default"
              loading={ending === session.id}
              aria-label={`End the session of ${new Date(session.began_at).toLocaleString()}`}
              onClick={() => end(session.id)}
            >
              End
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
