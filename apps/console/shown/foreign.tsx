import { Fragment } from 'react';

import { pieces, type Piece } from '../../../domain/cards/visible.ts';
import classes from './foreign.module.css';

interface ForeignProps {
  /** As it was given: never as markup, and nothing of it is hidden. */
  readonly text: string;
  /** Keeps its lines. Otherwise a line end is shown as the character that it is. */
  readonly hasLines?: boolean;
}

/** Text that somebody else wrote. What would be hidden or reorder it is shown as a mark, and words of mixed scripts are named. */
export function Foreign({ text, hasLines = false }: ForeignProps) {
  if (!hasLines) return <Line text={text} />;
  return (
    <span className={classes.lines}>
      {text.split('\n').map((line, index) => (
        // Lines have no identity but their place.
        // eslint-disable-next-line react/no-array-index-key
        <Fragment key={index}>
          {index > 0 && '\n'}
          <Line text={line} />
        </Fragment>
      ))}
    </span>
  );
}

function Line({ text }: { readonly text: string }) {
  const parts = pieces(text);
  if (parts.every(({ kind }) => kind === 'plain')) return <bdi>{text}</bdi>;
  return (
    <bdi>
      {parts.map((piece, index) => (
        <Part key={index} piece={piece} />
      ))}
    </bdi>
  );
}

function Part({ piece }: { readonly piece: Piece }) {
  if (piece.kind === 'mixed')
    return (
      <span className={classes.mixed}>
        {piece.text}
        <span className={classes.scripts}>mixes {piece.scripts.join(' and ')}</span>
      </span>
    );
  if (piece.kind === 'plain') return piece.text;
  return (
    <span
      className={classes.hidden}
      title="A character that would not be seen, or would change how this reads"
    >
      {piece.text.replace(/^<|>$/g, '')}
    </span>
  );
}
