import { Button } from '@mantine/core';

import type { PasskeyView } from '../../../contract/passkeys.ts';
import { Ago, Instant } from '../shown/instant.tsx';
import classes from './passkeys.module.css';

interface PasskeyTableProps {
  readonly passkeys: readonly PasskeyView[];
  /** Of one's own alone. */
  readonly revoke?: (passkey: PasskeyView) => void;
}

/** Passkeys, and on demand those that were revoked. */
export function PasskeyTable({ passkeys, revoke }: PasskeyTableProps) {
  const live = passkeys.filter(({ revoked_at: at }) => at === null);
  const revoked = passkeys.filter(({ revoked_at: at }) => at !== null);
  return (
    <>
      <ul className={classes.passkeys}>
        {live.map((passkey) => (
          <li key={passkey.id} className={classes.passkey}>
            <div className={classes.when}>
              <div>
                Added <Instant at={passkey.made_at} />
                {passkey.is_synced && <span className={classes.mark}>on several devices</span>}
                {passkey.how === 'recovery' && <span className={classes.mark}>recovery</span>}
              </div>
              <div className="keyturn-quiet">
                {passkey.used_at === null ? (
                  'Never used'
                ) : (
                  <>
                    Last used <Ago at={passkey.used_at} />
                  </>
                )}
                {passkey.counts_from !== null && ' · counts for what was requested after it was added'}
              </div>
            </div>
            {revoke && (
              <Button size="xs" variant="default" onClick={() => revoke(passkey)}>
                Revoke
              </Button>
            )}
          </li>
        ))}
      </ul>
      {revoked.length > 0 && (
        <details>
          <summary className="keyturn-quiet">Revoked ({revoked.length})</summary>
          <ul className={classes.passkeys}>
            {revoked.map(({ id, made_at: made, revoked_at: at }) => (
              <li key={id} className={classes.passkey}>
                <span className="keyturn-quiet">
                  Added <Instant at={made} />, revoked {at !== null && <Instant at={at} />}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
