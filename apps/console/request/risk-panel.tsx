import { Foreign } from '../shown/foreign.tsx';
import { RiskPill } from '../shown/pills.tsx';
import { grouped } from '../shown/words.ts';
import classes from './risk-panel.module.css';
import { Section } from './section.tsx';
import type { Card } from './view.ts';

/** How risky policy holds it to be, and why. */
export function RiskPanel({ card }: { readonly card: Card }) {
  const { risk } = card;
  if (risk === null) return null;
  const { facts } = risk;
  const found = facts === null || card.plan?.is_by_requester !== false ? [] : foundOf(card, facts);
  return (
    <Section title="Risk" part="risk" aside={<RiskPill risk={risk.tier} />}>
      <ul className={classes.reasons}>
        {risk.reasons.map((reason) => (
          <li key={reason}>
            <Foreign text={reason} />
          </li>
        ))}
        {risk.reasons.length === 0 && <li>No line of the policy’s risk table holds.</li>}
      </ul>
      {found.length > 0 && <p className={classes.found}>Found by Keyturn: {found.join('; ')}.</p>}
    </Section>
  );
}

type RiskFacts = NonNullable<NonNullable<Card['risk']>['facts']>;

/** Only of databases it is rows and tables that change. */
function foundOf({ plan }: Card, facts: RiskFacts): readonly string[] {
  const isSql = plan?.connector.startsWith('postgres') ?? false;
  const [rows, tables] = [facts.rows_changed, facts.resources_changed];
  return [
    ...(isSql
      ? [
          `${grouped(rows)} ${rows === 1 ? 'row' : 'rows'} in ${grouped(tables)} ${tables === 1 ? 'table' : 'tables'}`,
        ]
      : []),
    ...(facts.is_destructive ? ['data are replaced or deleted'] : []),
    facts.is_reversible ? 'there is a way back' : 'no way back',
    ...(facts.is_fully_previewed ? [] : ['not previewed in full']),
    ...(facts.is_loosening ? ['it may let through what was held back before'] : []),
  ];
}

/** Rules that acted, in words, and where they stand. */
export function RulesPanel({ card: { rules, requirement } }: { readonly card: Card }) {
  if (rules === null || rules.length === 0) return null;
  // The reason of a rule that asks people stands with what it asks.
  const required = new Set(requirement?.rules.map(({ rule }) => rule));
  return (
    <Section title="Rules that acted" part="rules">
      <ul className={classes.rules}>
        {rules.map((rule) => (
          <li key={rule.id}>
            <div className={classes.rule}>
              <strong>
                <Foreign text={rule.id} />
              </strong>
              {rule.source !== null && (
                <code className={classes.source}>
                  <Foreign text={rule.source} />
                </code>
              )}
            </div>
            {rule.words !== null && (
              <div>
                <Foreign text={rule.words} hasLines />
              </div>
            )}
            {rule.because !== null && !required.has(rule.id) && (
              <div className="keyturn-quiet">
                <Foreign text={rule.because} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}
