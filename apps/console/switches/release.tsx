import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { LiftAnswer, SwitchView } from '../../../contract/switches.ts';
import { useDraft } from '../session/drafts.ts';
import { usePost } from '../session/session.ts';
import { FormDialog, Reason } from '../shell/form-dialog.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { releaseTexts, scopeText } from './switch-words.ts';
import classes from './switches.module.css';
import { Texts } from './texts.tsx';

interface ReleaseProps {
  readonly engaged: SwitchView;
  readonly close: () => void;
  readonly done: (text: string) => void;
}

/** Says what an agreement comes to, takes the reason, and agrees to the release of a kill switch. */
export function Release({ engaged, close, done }: ReleaseProps) {
  const [reason, setReason, forget] = useDraft(`release ${engaged.id}`);
  const releasing = useReleasing(engaged, (text) => {
    forget();
    done(text);
  });
  return (
    <FormDialog
      title="Agree to release a kill switch"
      closes="Close, nothing is released"
      button="Agree to the release"
      sending={releasing}
      close={close}
      submit={() => releasing.mutate(reason.trim())}
    >
      <div className={classes.quoted}>
        <strong>
          <Foreign text={scopeText(engaged.scope)} />
        </strong>
        <div>
          <Foreign text={engaged.reason ?? ''} hasLines />
        </div>
      </div>
      <Texts texts={releaseTexts(engaged)} />
      <Reason
        description="Why it is safe to go on, for people and for the audit log"
        value={reason}
        onChange={setReason}
      />
    </FormDialog>
  );
}

function useReleasing({ id, scope }: SwitchView, done: (text: string) => void) {
  const post = usePost();
  const client = useQueryClient();
  // One key for all attempts of this dialog: a repeat after a broken connection counts once.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  return useMutation({
    mutationFn: async (reason: string) => {
      const path = `/v1/switches/${encodeURIComponent(id)}/lift`;
      return (await post<LiftAnswer>(path, { body: { reason }, idempotencyKey })).answer;
    },
    onSuccess: ({ state }) =>
      done(
        state === 'lifted'
          ? `${scopeText(scope)}: released.`
          : 'Your agreement is recorded. One more operator has to agree.',
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['switches'] }),
  });
}
