import { Button, Title } from '@mantine/core';

import type { ApiKeyView, KeyAgent } from '../../../contract/api-keys.ts';
import { Ago, Instant } from '../shown/instant.tsx';
import { Foreign } from '../shown/foreign.tsx';
import classes from './keys.module.css';

interface AgentKeysProps {
  readonly agent: KeyAgent;
  readonly keys: readonly ApiKeyView[];
  readonly rotate: (key: ApiKeyView) => void;
  readonly revoke: (key: ApiKeyView) => void;
}

/** Time enough to rotate a key. */
const SOON_MS = 14 * 86_400_000;

/** An agent with its keys: the live ones, and on demand those that ended of late. */
export function AgentKeys({ agent, keys, rotate, revoke }: AgentKeysProps) {
  const live = keys.filter(({ is_live: isLive }) => isLive);
  const ended = keys.filter(({ is_live: isLive }) => !isLive);
  return (
    <section aria-label={`Keys of ${agent.name}`}>
      <div className={classes.agent}>
        <Title order={2} size="h4">
          <Foreign text={agent.name} />
        </Title>
        <span className="keyturn-quiet">
          {agent.name !== agent.id && `${agent.id} · `}owned by {agent.owner}
          {!agent.is_active && ' · deactivated'}
        </span>
      </div>
      {live.length === 0 && (
        <p className={classes.none}>
          {agent.is_active ? 'No key: it cannot call.' : 'It is deactivated, which ended its keys.'}
        </p>
      )}
      <ul className={classes.keys}>
        {live.map((key) => (
          <li key={key.id} className={classes.key}>
            <Named apiKey={key} />
            <Facts apiKey={key} />
            {agent.may_change && <Buttons apiKey={key} rotate={rotate} revoke={revoke} />}
          </li>
        ))}
      </ul>
      {ended.length > 0 && <Ended keys={ended} />}
    </section>
  );
}

function Buttons({
  apiKey,
  rotate,
  revoke,
}: { readonly apiKey: ApiKeyView } & Pick<AgentKeysProps, 'rotate' | 'revoke'>) {
  const shared = { size: 'xs', variant: 'default' } as const;
  return (
    <div className={classes.buttons}>
      <Button {...shared} aria-label={`Rotate ${apiKey.prefix}`} onClick={() => rotate(apiKey)}>
        Rotate
      </Button>
      <Button {...shared} aria-label={`Revoke ${apiKey.prefix}`} onClick={() => revoke(apiKey)}>
        Revoke
      </Button>
    </div>
  );
}

function Named({ apiKey: { title, prefix, actions, targets } }: { readonly apiKey: ApiKeyView }) {
  return (
    <div className={classes.named}>
      <div className={classes.title}>
        <Foreign text={title} />
      </div>
      <div className="keyturn-quiet">
        <code>{prefix}_…</code>
      </div>
      <div className={classes.scope}>{scopeOf({ actions, targets })}</div>
    </div>
  );
}

/** What a key is for, in words. */
function scopeOf({ actions, targets }: Pick<ApiKeyView, 'actions' | 'targets'>): string {
  if (!actions && !targets) return 'For all that policy lets the agent ask for';
  const what = actions ? actions.join(', ') : 'every action';
  return `Only for ${what} on ${targets ? targets.join(', ') : 'every target'}`;
}

function Facts({ apiKey }: { readonly apiKey: ApiKeyView }) {
  return (
    <dl className={classes.facts}>
      <div>
        <dt>Last used</dt>
        <dd>{apiKey.used_at === null ? 'never' : <Ago at={apiKey.used_at} />}</dd>
      </div>
      <div>
        <dt>Ends</dt>
        <dd data-soon={Date.parse(apiKey.expires_at) - Date.now() < SOON_MS || undefined}>
          <Ago at={apiKey.expires_at} />
        </dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>
          <Instant at={apiKey.created_at} /> by {apiKey.created_by}
        </dd>
      </div>
    </dl>
  );
}

function Ended({ keys }: { readonly keys: readonly ApiKeyView[] }) {
  return (
    <details className={classes.ended}>
      <summary>{keys.length === 1 ? 'One key' : `${keys.length} keys`} that ended</summary>
      <ul className={classes.keys}>
        {keys.map((key) => (
          <li key={key.id} className={classes.key}>
            <Named apiKey={key} />
            <div className="keyturn-quiet">
              <End apiKey={key} />
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

function End({ apiKey: { revoked_at: revokedAt, expires_at: expiresAt } }: { readonly apiKey: ApiKeyView }) {
  if (revokedAt !== null)
    return (
      <>
        Revoked <Instant at={revokedAt} />
      </>
    );
  if (Date.parse(expiresAt) > Date.now())
    return 'Not let in: its agent or who made it is deactivated, or was';
  return (
    <>
      Ran out <Instant at={expiresAt} />
    </>
  );
}
