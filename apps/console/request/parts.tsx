import { Suspense, lazy, useState } from 'react';

import { Copyable } from '../shown/copyable.tsx';
import { Foreign } from '../shown/foreign.tsx';
import { grouped } from '../shown/words.ts';
import { Note } from './note.tsx';
import { CodeBlock, useWhole } from './code-block.tsx';
import { EffectView, useRowsFirst } from './effect-view.tsx';
import { changedRows } from './effect-table.ts';
import classes from './parts.module.css';
import { Facts, Section } from './section.tsx';
import { headingsOf } from './tense.ts';
import type { Card, Effect, Shown } from './view.ts';

// Only proposals of policy change files: its library is loaded where there are some.
const FileDiffs = lazy(async () => ({ default: (await import('./file-diffs.tsx')).FileDiffs }));

/** What happens to the target, as Keyturn found out. */
export function Effects({ shown: { card, request } }: { readonly shown: Shown }) {
  const effects = card.effects ?? [];
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const rowsFirst = useRowsFirst();
  const isShown = (effect: Effect): boolean =>
    effect.rows.length <= rowsFirst || unfolded.has(effect.resource);
  if (effects.length === 0) return null;
  const rows = changedRows(effects);
  const what = isSqlPlan(card) ? 'row' : 'change';
  return (
    <Section
      title={headingsOf(request).effects}
      part="effects"
      isWhole={effects.every(isShown)}
      aside={`${grouped(rows)} ${rows === 1 ? what : `${what}s`}, found by Keyturn in a dry run`}
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

function isSqlPlan({ plan }: Card): boolean {
  return plan?.connector.startsWith('postgres') ?? false;
}

/** Exactly what will run; of an action that Keyturn only decides on, there is nothing but what was sent. */
export function Operation({ shown: { card, request } }: { readonly shown: Shown }) {
  const text = card.plan?.operation ?? '';
  const whole = useWhole(text);
  if (card.plan === null || card.plan.is_by_requester) return null;
  const isSql = isSqlPlan(card);
  return (
    <Section title={isSql ? headingsOf(request).statement : 'In words'} part="plan" isWhole={whole.isWhole}>
      <CodeBlock
        text={text}
        language={isSql ? 'sql' : 'text'}
        what={isSql ? 'the statement' : 'what will run'}
        whole={whole}
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
export function Preview({ shown: { card, request } }: { readonly shown: Shown }) {
  const { preview } = card;
  if (preview === null || (preview.warnings.length === 0 && preview.is_whole)) return null;
  return (
    <Section title={preview.is_whole ? headingsOf(request).warnings : 'Not previewed'} part="preview">
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

const STEPS_FIRST = 8;

/** Whether it can be undone, and by what. */
export function Reversal({ card }: { readonly card: Card }) {
  const steps = (card.reversal?.steps ?? []).map((step) => `${step};`).join('\n');
  const whole = useWhole(steps, STEPS_FIRST);
  if (card.reversal === null || card.plan?.is_by_requester === true) return null;
  const { is_possible: isPossible, how } = card.reversal;
  return (
    <Section
      title={isPossible ? 'The way back' : 'Cannot be undone'}
      part="reversal"
      isWhole={whole.isWhole}
      aside={isPossible && isSqlPlan(card) ? 'tried out' : undefined}
    >
      <p className={classes.padded}>
        <Foreign text={how} hasLines />
      </p>
      {steps !== '' && <CodeBlock text={steps} language="sql" what="the way back" whole={whole} />}
    </Section>
  );
}

/** Exactly what was sent, and the digests that bind it. */
export function Payload({ shown: { card, viewDigest } }: { readonly shown: Shown }) {
  const text = card.arguments === null ? '' : JSON.stringify(card.arguments, null, 2);
  const whole = useWhole(text);
  const { request, plan } = card;
  const digests = [
    ['intent digest', request.intent_digest, 'Of action, version, target, arguments and mode'],
    ['decision digest', card.decision_digest, 'What a decision is about: plan and requirement of this round'],
    ['view digest', viewDigest, 'Of what this page shows'],
    ['fingerprint of the effect', plan?.fingerprint ?? null, 'The same as long as the same would happen'],
  ] as const;
  return (
    <Section
      title={payloadTitle(card)}
      part="arguments"
      isWhole={whole.isWhole}
      aside={`schema version ${request.schema_version}`}
    >
      {text !== '' && <CodeBlock text={text} language="text" what="the arguments" whole={whole} />}
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

function payloadTitle({ arguments: sent, plan }: Card): string {
  if (sent === null) return 'Digests';
  return plan?.is_by_requester ? 'What is requested, exactly as it was sent' : 'Exactly what was sent';
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
    <Note tone="plain" title="No plan is shown">
      {text}
    </Note>
  );
}
