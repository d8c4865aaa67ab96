import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { Section } from '../request/section.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { RiskPill } from '../shown/pills.tsx';
import { listed, sentence } from '../shown/words.ts';
import { Cel } from './requirement.tsx';
import classes from './policy.module.css';

/** How risk is computed, and what follows from it. */
export function Risk({ risk: { lines, tiers } }: { readonly risk: PolicyInWords['risk'] }) {
  return (
    <Section title="Risk" aside="the weights of all lines that hold are added up">
      <ul className={classes.tiers}>
        {tiers.map(({ tier, from, demands }) => (
          <li key={tier}>
            <RiskPill risk={tier} /> from {from}
            {demands.length > 0 && <div className={classes.quiet}>{sentence(demands.join('; '))}.</div>}
          </li>
        ))}
      </ul>
      <ul className={classes.lines}>
        {lines.map(({ weight, because, when, only }, at) => (
          <li key={at} className={classes.line}>
            <div>
              <strong className={classes.weight}>+{weight}</strong> <Foreign text={because} />
              {only !== null && (
                <span className="keyturn-quiet">
                  {' '}
                  (only <Foreign text={listed(only, 'and')} />)
                </span>
              )}
            </div>
            <Cel text={when} what={because} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
