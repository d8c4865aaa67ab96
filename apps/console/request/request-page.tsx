import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';

import { useSession } from '../session/session.ts';
import { Failure } from '../shell/failure.tsx';
import { Page } from '../shell/page.tsx';
import { ActionBar } from './action-bar.tsx';
import { offerOf, type Act } from './acting.ts';
import { ChangedNotice } from './changed-notice.tsx';
import { changesBetween } from './changes.ts';
import { DecisionDialog } from './decision-dialog.tsx';
import { DecisionsView } from './decisions-view.tsx';
import { EarlierRefusals, OnSameTarget } from './history.tsx';
import { LineageView } from './lineage-view.tsx';
import { OpenedSections, useOpened } from './opened.tsx';
import { Claims, Effects, Files, NoPlan, Operation, Payload, Preview, Reversal } from './parts.tsx';
import { Notices, RequestHead } from './request-head.tsx';
import classes from './request-page.module.css';
import { RequirementPanel } from './requirement-panel.tsx';
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

function titleOf({ card, request }: Shown): string {
  return card.plan?.summary ?? request.summary ?? `${card.request.action} on ${card.request.target}`;
}

function Loaded({ shown, isFetching }: { readonly shown: Shown; readonly isFetching: boolean }) {
  const { person } = useSession();
  const opened = useOpened();
  // What the person began to read: changes are told against it until they say that they have read them.
  const [seen, setSeen] = useState(shown);
  const [dialog, setDialog] = useState<{ readonly act: Act; readonly shown: Shown } | null>(null);
  const [done, setDone] = useState('');
  const offer = offerOf(shown.request, shown.refusals, person);
  return (
    <>
      <RequestHead shown={shown} />
      <p role="status" className={classes.done} hidden={done === ''}>
        {done}
      </p>
      <ChangedNotice changes={changesBetween(seen, shown)} onRead={() => setSeen(shown)} />
      <div className={classes.columns}>
        <Main shown={shown} />
        <div className={classes.side}>
          <div className={classes.acting}>
            <ActionBar offer={offer} isBusy={isFetching} onAct={(act) => setDialog({ act, shown })} />
          </div>
          <RequirementPanel shown={shown} />
          <RiskPanel card={shown.card} />
          <RulesPanel card={shown.card} />
        </div>
      </div>
      {dialog && (
        <DecisionDialog
          act={dialog.act}
          shown={dialog.shown}
          current={shown}
          opened={opened}
          takesBack={offer.takesBack}
          onClose={() => setDialog(null)}
          onDone={(text) => {
            setDialog(null);
            setDone(text);
          }}
        />
      )}
    </>
  );
}

/** Facts of Keyturn first, the words of others last. */
function Main({ shown }: { readonly shown: Shown }) {
  const { card, request } = shown;
  const isByRequester = card.plan?.is_by_requester === true;
  return (
    <div className={classes.main}>
      <Notices shown={shown} />
      <Preview card={card} />
      <EarlierRefusals request={request} />
      <NoPlan shown={shown} />
      {isByRequester && <Payload shown={shown} />}
      <Effects card={card} />
      <Files card={card} />
      <Operation card={card} />
      <Reversal card={card} />
      <Claims card={card} />
      <LineageView card={card} />
      {!isByRequester && <Payload shown={shown} />}
      <DecisionsView request={request} />
      <OnSameTarget request={request} />
      <TimelineView request={request} />
    </div>
  );
}
