import { TextInput } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';

import type { PolicyInWords } from '../../../contract/active-policy.ts';
import { Section } from '../request/section.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped, sentence } from '../shown/words.ts';
import { Cel, RequirementInWords } from './requirement.tsx';
import classes from './policy.module.css';
import { matching } from './search.ts';

type Rule = PolicyInWords['rules'][number];

const route = getRouteApi('/policy');

/** Every rule: what it does, why, whom it asks, and its condition as it is written. */
export function Rules({ rules }: { readonly rules: readonly Rule[] }) {
  const { q = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const found = matching(rules, q);
  return (
    <Section
      title="Rules"
      aside={
        found.length === rules.length
          ? grouped(rules.length)
          : `${grouped(found.length)} of ${grouped(rules.length)}`
      }
    >
      <TextInput
        m="sm"
        type="search"
        maxLength={200}
        aria-label="Search the rules"
        placeholder="Name, action, environment, group or condition"
        value={q}
        onChange={({ currentTarget: { value } }) =>
          void navigate({ search: value === '' ? {} : { q: value }, replace: true })
        }
      />
      {found.length === 0 && (
        <p className={classes.none}>
          {rules.length === 0
            ? 'There are none: what holds where no rule acts holds of everything.'
            : 'No rule has that in it. Search for less.'}
        </p>
      )}
      {found.map((rule) => (
        <RuleView key={rule.id} rule={rule} />
      ))}
    </Section>
  );
}

function RuleView({ rule }: { readonly rule: Rule }) {
  const { id, effect, because, source, scope, when, notes, requirement } = rule;
  return (
    <article className={classes.rule} id={`rule-${id}`} aria-label={id}>
      <div className={classes.head}>
        <h3 className={classes.name}>
          <Foreign text={id} />
        </h3>
        <span className={classes.effect} data-effect={effect}>
          {EFFECTS[effect]}
        </span>
        <code className={classes.source}>
          <Foreign text={source} />
        </code>
      </div>
      {because !== null && (
        <p className={classes.because}>
          <Foreign text={because} />
        </p>
      )}
      <p className={classes.scope}>
        <Foreign text={scope} />
        {when === null ? ', always.' : ', when:'}
      </p>
      {when !== null && <Cel text={when} what={id} />}
      {requirement && <RequirementInWords requirement={requirement} />}
      {notes.length > 0 && <p className={classes.quiet}>{sentence(notes.join('; '))}.</p>}
    </article>
  );
}

const EFFECTS = { allow: 'allows', review: 'requires people', forbid: 'forbids' } as const;
