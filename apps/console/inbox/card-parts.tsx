import { useState, type ReactNode } from 'react';

import { useNotesSeen } from '../request/opened.tsx';
import { EffectView, useRowsFirst } from '../request/effect-view.tsx';
import type { Card, SectionName } from '../request/view.ts';
import { Foreign } from '../shown/foreign.tsx';
import { RiskPill } from '../shown/pills.tsx';
import { grouped } from '../shown/words.ts';
import classes from './card-parts.module.css';

/** Facts of Keyturn first, then the words of the requester. */
export function CardParts({ card }: CardProp) {
  return (
    <div className={classes.parts}>
      <div className={classes.what}>
        <Plan card={card} />
        <Effects card={card} />
        <Warnings card={card} />
        <Claims card={card} />
      </div>
      <dl className={classes.facts}>
        <Risk card={card} />
        <Requester card={card} />
        <Rules card={card} />
        <Requirement card={card} />
        <WayBack card={card} />
      </dl>
    </div>
  );
}

interface CardProp {
  readonly card: Card;
}

function Plan({ card: { plan } }: CardProp) {
  const ref = useNotesSeen('plan', true);
  if (!plan) return null;
  return (
    <div ref={ref} data-part="plan">
      {plan.is_by_requester && (
        <p className={classes.marked}>In the requester’s words, since Keyturn only decides on this:</p>
      )}
      {plan.operation !== plan.summary && (
        <pre className={classes.operation} tabIndex={0} role="region" aria-label="Exactly what will run">
          <Foreign text={plan.operation} hasLines />
        </pre>
      )}
    </div>
  );
}

function Effects({ card: { effects, cut } }: CardProp) {
  const [isWhole, setWhole] = useState(false);
  const rowsFirst = useRowsFirst();
  const isAll = isWhole || (effects ?? []).every(({ rows }) => rows.length <= rowsFirst);
  const ref = useNotesSeen('effects', isAll);
  if (!effects || effects.length === 0) return null;
  return (
    <div ref={ref} data-part="effects">
      {effects.map((effect) => (
        <EffectView
          key={`${effect.resource} ${effect.cause ?? ''}`}
          effect={effect}
          isWhole={isWhole}
          onShowAll={() => setWhole(true)}
        />
      ))}
      {cut && cut.rows + cut.values > 0 && (
        <p className={classes.cut}>
          {cut.rows > 0 && `${grouped(cut.rows)} changed rows are only counted. `}
          {cut.values > 0 && `${grouped(cut.values)} values are too long to be shown.`}
        </p>
      )}
    </div>
  );
}

function Warnings({ card: { preview } }: CardProp) {
  const ref = useNotesSeen('preview', true);
  if (!preview || (preview.is_whole && preview.warnings.length === 0)) return null;
  return (
    <div ref={ref} data-part="preview" className={classes.warnings}>
      <strong>
        {preview.is_whole ? 'What could not be seen' : 'This plan does not show all that would happen'}
      </strong>
      <ul>
        {preview.warnings.map((warning) => (
          <li key={warning}>
            <Foreign text={warning} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Claims({ card: { claims } }: CardProp) {
  const ref = useNotesSeen('claims', true);
  if (claims?.justification === undefined) return null;
  return (
    <figure ref={ref} data-part="claims" className={classes.claims}>
      <figcaption>The requester’s own words, which nobody checked</figcaption>
      <blockquote>
        <Foreign text={claims.justification} hasLines />
      </blockquote>
    </figure>
  );
}

interface FactProps {
  readonly part: SectionName;
  readonly name: string;
  readonly children: ReactNode;
}

function Fact({ part, name, children }: FactProps) {
  const ref = useNotesSeen(part, true);
  return (
    <div ref={ref} data-part={part} className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Risk({ card: { risk } }: CardProp) {
  if (!risk) return null;
  return (
    <Fact part="risk" name="Risk">
      <RiskPill risk={risk.tier} /> <Foreign text={risk.reasons.join(', ')} />
    </Fact>
  );
}

const ROLES = {
  requester: 'asks',
  owner: 'owns the agent',
  on_behalf_of: 'whom it acts for',
  trigger: 'started it',
  editor: 'wrote the arguments',
  key_maker: 'made its API key',
} as const;

function Requester({ card: { lineage } }: CardProp) {
  return (
    <Fact part="lineage" name="Behind it">
      {lineage.map(({ role, name, subject, issuer, is_declared: isDeclared }) => (
        <div key={`${role} ${issuer} ${subject}`}>
          <Foreign text={name ?? subject} /> <span className="keyturn-quiet">{ROLES[role]}</span>
          {isDeclared && <span className={classes.marked}> (says the caller; no token proves it)</span>}
        </div>
      ))}
    </Fact>
  );
}

function Rules({ card: { rules } }: CardProp) {
  const reviewing = rules?.filter(({ effect }) => effect !== 'allow') ?? [];
  if (reviewing.length === 0) return null;
  return (
    <Fact part="rules" name="Why you">
      {reviewing.map(({ id, because }) => (
        <div key={id}>
          {because ?? 'The policy says so'} <code className="keyturn-quiet">{id}</code>
        </div>
      ))}
    </Fact>
  );
}

function Requirement({ card: { requirement } }: CardProp) {
  if (!requirement) return null;
  return (
    <Fact part="requirement" name="It takes">
      {requirement.words}
      {requirement.rules.flatMap(({ rule, stages }) =>
        stages.map(({ words }, stage) => (
          // Stages have no name but their place.
          <div key={`${rule} ${stage}`} className="keyturn-quiet">
            {words}
          </div>
        )),
      )}
    </Fact>
  );
}

function WayBack({ card: { reversal } }: CardProp) {
  if (!reversal) return null;
  return (
    <Fact part="reversal" name="Way back">
      {reversal.is_possible ? 'Can be undone. ' : 'Cannot be undone from the plan. '}
      <Foreign text={reversal.how} />
    </Fact>
  );
}
