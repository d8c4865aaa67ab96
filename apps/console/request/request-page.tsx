import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';

import { useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { sentence } from '../shown/words.ts';
import { ActionBar } from './action-bar.tsx';
import { offerOf, type Act } from './acting.ts';
import { ChangedNotice } from './changed-notice.tsx';
import { beginning, isOtherSubject, newsOf } from './changes.ts';
import { ClaimsView } from './claims-view.tsx';
import { DecisionDialog } from './decision-dialog.tsx';
import { DecisionsView } from './decisions-view.tsx';
import { EarlierRefusals, OnSameTarget } from './history.tsx';
import { LineageView } from './lineage-view.tsx';
import { OpenedSections, useOpened } from './opened.tsx';
import { Effects, Files, NoPlan, Operation, Payload, Preview, Reversal } from './parts.tsx';
import { PublicationLink } from './publication-link.tsx';
import { QuestionsView } from './questions-view.tsx';
import { PolicyTodayView } from './policy-today.tsx';
import { Notices, RequestHead } from './request-head.tsx';
import classes from './request-page.module.css';
import { Resolution } from './resolution.tsx';
import { RequirementPanel } from './requirement-panel.tsx';
import { returnedOf } from './returning.ts';
import { RiskPanel, RulesPanel } from './risk-panel.tsx';
import { shownQuery } from './shown-query.ts';
import { TimelineView } from './timeline-view.tsx';
import type { Shown } from './view.ts';

const route = getRouteApi('/requests/$id');

/** One request: what would happen, who must agree, and what this person can do about it. */
export function RequestPage() {
  const { id } = route.useParams();
  const { data, error, isPending, isFetching, refetch } = useQuery(shownQuery(id));
  return (
    <Page title={data ? titleOf(data) : 'Request'}>
      {isPending && <Loader size="sm" aria-label="Loading" />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && (
        <OpenedSections key={id} digest={data.viewDigest}>
          <Loaded shown={data} isFetching={isFetching} />
        </OpenedSections>
      )}
    </Page>
  );
}

/** What would happen, or what is asked for where Keyturn does not find that out. */
function titleOf({ card, request }: Shown): string {
  const { action, target, environment } = card.request;
  const summary = card.plan?.is_by_requester ? null : (card.plan?.summary ?? request.summary);
  return summary === null ? `${action} on ${target} (${environment})` : sentence(summary);
}

function Loaded({ shown, isFetching }: { readonly shown: Shown; readonly isFetching: boolean }) {
  const { person } = useSession();
  const opened = useOpened();
  const { seen, read, act: acted } = useReading(shown);
  const { returned, forget, dialog, setDialog } = useDialog(shown);
  const [done, setDone] = useState('');
  const offer = offerOf(shown.request, shown.refusals, person);
  const begin = (act: Act): void => setDialog({ act, shown: beginning(act, { seen, now: shown }) });
  const close = (): void => {
    // The dialog has told them.
    if (dialog && isOtherSubject(dialog.shown, shown)) read();
    forget();
  };
  return (
    <>
      <RequestHead shown={shown} />
      <Done text={done} />
      <ChangedNotice changes={newsOf(seen, shown, person)} onRead={read} />
      <div className={classes.columns}>
        <div className={classes.main}>
          <WhatHappens shown={shown} />
        </div>
        <div className={classes.side}>
          <ActionBar offer={offer} isBusy={isFetching} onAct={begin} />
          <RequirementPanel shown={shown} />
          <RiskPanel card={shown.card} />
          <RulesPanel card={shown.card} />
        </div>
        <div className={classes.main}>
          <Background shown={shown} />
        </div>
      </div>
      {dialog && (
        <DecisionDialog
          act={dialog.act}
          shown={dialog.shown}
          current={shown}
          opened={opened}
          takesBack={offer.takesBack}
          {...(returned && { returned })}
          onClose={close}
          onDone={(text) => {
            forget();
            setDone(text);
            acted();
          }}
        />
      )}
    </>
  );
}

/**
 * The dialog, open at once where somebody comes back from signing in for an approval, as the address says. `forget` closes it,
 * and takes that out of the address.
 */
function useDialog(shown: Shown) {
  const returned = returnedOf(route.useSearch());
  const navigate = route.useNavigate();
  const [dialog, setDialog] = useState<{ readonly act: Act; readonly shown: Shown } | null>(() =>
    returned && shown.refusals.approve === null ? { act: 'approve', shown } : null,
  );
  const forget = (): void => {
    setDialog(null);
    if (returned) void navigate({ search: {}, replace: true });
  };
  return { returned, dialog, setDialog, forget };
}

/** What the person did, also for those who hear the page. */
function Done({ text }: { readonly text: string }) {
  return (
    <p role="status" className={classes.done} hidden={text === ''}>
      {text}
    </p>
  );
}

/** What the person began to read: changes are told against it until they say that they have read them. */
function useReading(shown: Shown) {
  const [seen, setSeen] = useState(shown);
  const [actedOn, setActedOn] = useState<Shown | null>(null);
  // What follows from the person's own act is read from there on.
  if (actedOn !== null && actedOn !== shown) {
    setActedOn(null);
    setSeen(shown);
  }
  return { seen, read: () => setSeen(shown), act: () => setActedOn(shown) };
}

/** What is decided upon: the facts of Keyturn first. */
function WhatHappens({ shown }: { readonly shown: Shown }) {
  const { card, request } = shown;
  return (
    <>
      <Notices shown={shown} />
      <Resolution request={request} />
      <PublicationLink shown={shown} />
      <Preview shown={shown} />
      <EarlierRefusals request={request} />
      <NoPlan shown={shown} />
      {card.plan?.is_by_requester && <Payload shown={shown} />}
      <Effects shown={shown} />
      <Files card={card} />
      <Operation shown={shown} />
      <Reversal card={card} />
    </>
  );
}

/** Who asks, in whose words, and what happened before. */
function Background({ shown }: { readonly shown: Shown }) {
  const { card, request } = shown;
  return (
    <>
      <ClaimsView card={card} />
      <QuestionsView shown={shown} />
      <DecisionsView request={request} />
      <LineageView card={card} />
      {!card.plan?.is_by_requester && <Payload shown={shown} />}
      <OnSameTarget request={request} />
      {request.plan && <PolicyTodayView id={request.id} />}
      <TimelineView request={request} />
    </>
  );
}
