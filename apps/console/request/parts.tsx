import { Alert } from '@mantine/core';
import { Suspense, lazy, useState } from 'react';

import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped } from '../shown/words.ts';
import { CodeBlock, useWhole } from './code-block.tsx';
import { EffectView, hasFewRows } from './effect-view.tsx';
import { changedRows } from './effect-table.ts';
import classes from './parts.module.css';
import { Facts, Section } from './section.tsx';
import type { Card, Effect, Shown } from './view.ts';

// Only proposals of policy change files: its library is loaded where there are some.
const FileDiffs = lazy(async () => ({ default: (await import('./file-diffs.tsx')).FileDiffs }));

/** What happens to the target, as Keyturn found out. */
export function Effects({ card }: { readonly card: Card }) {
  const effects = card.effects ?? [];
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const isShown = (effect: Effect): boolean => hasFewRows(effect) || unfolded.has(effect.resource);
  if (effects.length === 0) return null;
  const rows = changedRows(effects);
  return (
    <Section
      title="What will happen"
      part="effects"
      isWhole={effects.every(isShown)}
      aside={`${grouped(rows)} ${rows === 1 ? 'row' : 'rows'}, found by Keyturn in a dry run`}
    >
      {effects.map((effect) => (
        <EffectView
          key={effect.resource}
          effect={effect}
          isWhole={isShown(effect)}
          onShowAll={() => setUnfolded(new Set([...unfolded, effect.resource]))}
        />
      ))}
    </Section>
  );
}

/** Exactly what will run; of an action that Keyturn only decides on, there is nothing but what was sent. */
export function Operation({ card }: { readonly card: Card }) {
  const text = card.plan?.operation ?? '';
  const [isWhole, showAll] = useWhole(text);
  if (card.plan === null || card.plan.is_by_requester) return null;
  const isSql = card.plan.connector.startsWith('postgres');
  return (
    <Section title={isSql ? 'The statement that will run' : 'What will run'} part="plan" isWhole={isWhole}>
      <CodeBlock
        text={text}
        language={isSql ? 'sql' : 'text'}
        what={isSql ? 'the statement' : 'what will run'}
        isWhole={isWhole}
        onShowAll={showAll}
      />
    </Section>
  );
}

/** How files of a policy change, in the words of their author. */
export function Files({ card }: { readonly card: Card }) {
  const files = card.files ?? [];
  if (files.length === 0) return null;
  return (
    <Section
      title="How the files change"
      part="files"
      aside={`${grouped(files.length)} ${files.length === 1 ? 'file' : 'files'}, in their author’s words`}
    >
      <Suspense fallback={<p className={classes.padded}>Loading the files…</p>}>
        <FileDiffs files={files} />
      </Suspense>
    </Section>
  );
}

/** What reviewers must know beside the effect. */
export function Preview({ card }: { readonly card: Card }) {
  const { preview } = card;
  if (preview === null || (preview.warnings.length === 0 && preview.is_whole)) return null;
  return (
    <Section title={preview.is_whole ? 'Know before you decide' : 'Not previewed'} part="preview">
      <ul className={classes.warnings}>
        {!preview.is_whole && card.plan?.is_by_requester !== true && (
          <li>The dry run does not show all that would happen.</li>
        )}
        {preview.warnings.map((warning) => (
          <li key={warning}>
            <Foreign text={warning} hasLines />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Whether it can be undone, and by what. */
export function Reversal({ card }: { readonly card: Card }) {
  const steps = (card.reversal?.steps ?? []).map((step) => `${step};`).join('\n');
  const [isWhole, showAll] = useWhole(steps);
  if (card.reversal === null || card.plan?.is_by_requester === true) return null;
  const { is_possible: isPossible, how } = card.reversal;
  return (
    <Section
      title={isPossible ? 'The way back' : 'No way back'}
      part="reversal"
      isWhole={isWhole}
      aside={isPossible ? 'tried out' : undefined}
    >
      <p className={classes.padded}>
        <Foreign text={how} hasLines />
      </p>
      {steps !== '' && (
        <CodeBlock text={steps} language="sql" what="the way back" isWhole={isWhole} onShowAll={showAll} />
      )}
    </Section>
  );
}

/** Exactly what was sent, and the digests that bind it. */
export function Payload({ shown: { card, viewDigest } }: { readonly shown: Shown }) {
  const text = card.arguments === null ? '' : JSON.stringify(card.arguments, null, 2);
  const [isWhole, showAll] = useWhole(text);
  const { request, plan } = card;
  const digests = [
    ['intent digest', request.intent_digest, 'Of action, version, target, arguments and mode'],
    ['decision digest', card.decision_digest, 'What a decision is about: plan and requirement of this round'],
    ['view digest', viewDigest, 'Of what this page shows'],
    ['fingerprint of the effect', plan?.fingerprint ?? null, 'The same as long as the same would happen'],
  ] as const;
  return (
    <Section
      title={plan?.is_by_requester ? 'What is asked for, exactly as it was sent' : 'Exactly what was sent'}
      part="arguments"
      isWhole={isWhole}
      aside={`schema version ${request.schema_version}`}
    >
      {text !== '' && (
        <CodeBlock text={text} language="text" what="the arguments" isWhole={isWhole} onShowAll={showAll} />
      )}
      <Facts
        items={digests.flatMap(([name, digest, meaning]) =>
          digest === null
            ? []
            : [
                [
                  name,
                  <>
                    <Copyable text={digest} what={name} />
                    <div className={classes.meaning}>{meaning}</div>
                  </>,
                ] as const,
              ],
        )}
      />
    </Section>
  );
}

/** What the agent says of itself. Nothing in it is a fact, and nothing in it is drawn. */
export function Claims({ card: { claims, lineage } }: { readonly card: Card }) {
  if (claims === null) return null;
  const { justification, links = [], ...others } = claims;
  const rest = Object.entries(others).filter(([, value]) => value !== undefined);
  if (justification === undefined && links.length === 0 && rest.length === 0) return null;
  const isAgent = lineage[0]?.kind !== 'person';
  return (
    <Section
      title={isAgent ? 'The agent’s own words' : 'The requester’s own words'}
      part="claims"
      kind="words"
      aside="Nobody has verified them"
    >
      {justification !== undefined && (
        <blockquote className={classes.quote}>
          <Foreign text={justification} hasLines />
        </blockquote>
      )}
      {links.length > 0 && (
        <ul className={classes.links}>
          {links.map((link) => (
            <li key={link}>
              <Copyable text={link} what="this address" />
            </li>
          ))}
        </ul>
      )}
      {rest.length > 0 && (
        <Facts
          items={rest.map(([name, value]) => [name, <Foreign key={name} text={String(value)} />] as const)}
        />
      )}
    </Section>
  );
}

/** The plan is not for this reader, or there is none. */
export function NoPlan({ shown: { card, request } }: { readonly shown: Shown }) {
  if (card.plan !== null) return null;
  const text =
    request.status === 'planning'
      ? 'Keyturn is finding out what would happen. The plan appears here by itself.'
      : request.status === 'failed' && request.decision_digest === null
        ? 'No plan could be made, so nothing was run.'
        : 'What would happen is shown to its reviewers, and to those behind the request once people have approved it.';
  return (
    <Alert variant="light" color="gray" title="No plan is shown">
      {text}
    </Alert>
  );
}
