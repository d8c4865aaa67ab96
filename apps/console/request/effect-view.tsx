import { Button, VisuallyHidden } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';

import { Foreign } from '../shown/foreign.tsx';
import { grouped, listed } from '../shown/words.ts';
import { differing, type Parts } from './differing.ts';
import {
  effectCounts,
  effectTable,
  shareOfTable,
  type Cell,
  type EffectRow,
  type EffectTable,
  type Value,
} from './effect-table.ts';
import classes from './effect-view.module.css';
import type { Effect } from './view.ts';
import { Wide } from './wide.tsx';

/** How many rows are shown first: on a phone each of them takes many lines. */
export function useRowsFirst(): number {
  return useIsNarrow() ? 6 : 20;
}

function useIsNarrow(): boolean {
  return useMediaQuery('(max-width: 40em)') ?? false;
}

const LONG_VALUE = 80;

/** Long values stand one below the other, so that none is out of sight. */
function hasLongValues({ rows }: EffectTable): boolean {
  const values = rows.flatMap(({ cells }) => cells.flatMap((cell) => [cell?.before, cell?.after]));
  return values.some(
    (value) => value?.kind === 'long' || (value?.kind === 'text' && value.text.length > LONG_VALUE),
  );
}

interface EffectProps {
  readonly effect: Effect;
  readonly isWhole: boolean;
  readonly onShowAll: () => void;
}

/** What happens to one table, as a diff: every row with its changed cells. */
export function EffectView({ effect, isWhole, onShowAll }: EffectProps) {
  const table = effectTable(effect);
  const rowsFirst = useRowsFirst();
  const rows = isWhole ? table.rows : table.rows.slice(0, rowsFirst);
  return (
    <div className={classes.effect}>
      <Head effect={effect} />
      <Notes effect={effect} />
      {rows.length > 0 && <Rows resource={effect.resource} table={{ ...table, rows }} />}
      {rows.length < table.rows.length && (
        <p className={classes.more}>
          {grouped(rows.length)} of {grouped(table.rows.length)} rows shown
          <Button size="compact-sm" variant="default" onClick={onShowAll}>
            Show all
          </Button>
        </p>
      )}
    </div>
  );
}

function Head({ effect }: { readonly effect: Effect }) {
  const share = shareOfTable(effect);
  const { cause, rows_before: before } = effect;
  return (
    <div className={classes.head}>
      <h3 className={classes.resource}>
        <Foreign text={effect.resource} />
      </h3>
      {effectCounts(effect).map(({ mark, count, word }) => (
        <span key={mark} className={classes.count} data-mark={mark}>
          {SIGNS[mark]}
          {grouped(count)} {word}
        </span>
      ))}
      {effectCounts(effect).length === 0 && <span className={classes.quiet}>nothing changes</span>}
      {cause !== undefined && cause !== 'statement' && <span className={classes.cause}>by {cause}</span>}
      {share !== null && before !== undefined && (
        <span className={classes.share}>
          <svg viewBox="0 0 100 6" preserveAspectRatio="none" className={classes.bar} aria-hidden="true">
            <rect className={classes.track} width="100" height="6" rx="3" />
            <rect className={classes.part} width={Math.max(1, share * 100)} height="6" rx="3" />
          </svg>
          {percent(share)} of the table’s {grouped(before)} rows
        </span>
      )}
    </div>
  );
}

/** Never rounded to nothing, nor to all. */
function percent(share: number): string {
  if (share >= 1) return 'all';
  const whole = Math.round(share * 100);
  return whole === 0 ? 'under 1%' : `${Math.min(99, whole)}%`;
}

function Notes({ effect }: { readonly effect: Effect }) {
  const { sample, cut, is_counts_only: isCountsOnly, rows, assigned_columns: assigned } = effect;
  return (
    <>
      {sample && (
        <p className={classes.note}>
          A sample: {grouped(rows.length)} of {grouped(sample.of)} changed rows,{' '}
          <Foreign text={sample.first_key} /> … <Foreign text={sample.last_key} />. The approval binds all of
          them.
        </p>
      )}
      {isCountsOnly && (
        <p className={classes.note} data-warning>
          Only counted: when it runs, other rows than these may be changed.
        </p>
      )}
      {assigned.length > 0 && rows.length > 0 && (
        <p className={classes.note}>The target gives {listed(assigned, 'and')} a value when it runs.</p>
      )}
      {cut.values > 0 && (
        <p className={classes.note}>
          {grouped(cut.values)} {cut.values === 1 ? 'value is' : 'values are'} too long to show: length and
          digest stand for them, and the approval binds them.
        </p>
      )}
    </>
  );
}

const SIGNS = { inserted: '+', updated: '~', deleted: '−' } as const;

function Rows({ resource, table }: { readonly resource: string; readonly table: EffectTable }) {
  const isInBlocks = useIsNarrow() || hasLongValues(table);
  return (
    <Wide label={`Changed rows of ${resource}`}>
      <table className={classes.table} role="table" data-blocks={isInBlocks || undefined}>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" className={classes.mark}>
              <VisuallyHidden>Change</VisuallyHidden>
            </th>
            <th role="columnheader">row</th>
            {table.columns.map((column) => (
              <th role="columnheader" key={column}>
                <Foreign text={column} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {table.rows.map((row, index) => (
            <RowView key={`${row.key} ${index}`} row={row} columns={table.columns} />
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function RowView({ row, columns }: { readonly row: EffectRow; readonly columns: readonly string[] }) {
  const isUnknown = row.mark === 'updated' && row.cells.every((cell) => cell === null);
  return (
    <tr role="row" data-mark={row.mark}>
      <td role="cell" className={classes.mark}>
        <span aria-hidden="true">{SIGNS[row.mark]}</span>
        <VisuallyHidden>{row.mark}</VisuallyHidden>
      </td>
      <th role="rowheader" scope="row" className={classes.key}>
        <Foreign text={row.key} />
      </th>
      {isUnknown ? (
        <td role="cell" colSpan={Math.max(1, columns.length)}>
          <span className={classes.quiet}>what is written into it is not known</span>
        </td>
      ) : (
        row.cells.map((cell, index) => (
          <td role="cell" key={columns[index]} data-empty={cell === null || undefined}>
            <span className={classes.label} aria-hidden="true">
              <Foreign text={columns[index] ?? ''} />
            </span>
            {cell && <CellView cell={cell} mark={row.mark} />}
          </td>
        ))
      )}
    </tr>
  );
}

function CellView({
  cell: { before, after },
  mark,
}: {
  readonly cell: Cell;
  readonly mark: EffectRow['mark'];
}) {
  const only = before ?? after;
  if (mark !== 'updated') return only && <ValueView value={only} />;
  const [old, now] = partsOf(before, after);
  return (
    <span className={classes.change}>
      {before && (
        <del className={classes.del}>
          <VisuallyHidden>was </VisuallyHidden>
          {old ? <Differing parts={old} /> : <ValueView value={before} />}
        </del>
      )}
      {after && (
        <ins className={classes.ins}>
          <VisuallyHidden> becomes </VisuallyHidden>
          {now ? <Differing parts={now} /> : <ValueView value={after} />}
        </ins>
      )}
    </span>
  );
}

/** Where two texts differ, if marks inside of them help: where most of both stays. */
function partsOf(before: Value | undefined, after: Value | undefined): readonly (Parts | undefined)[] {
  if (before?.kind !== 'text' || after?.kind !== 'text') return [];
  return differing(before.text, after.text).map((parts) => (isPartial(parts) ? parts : undefined));
}

function isPartial({ before, differing: part, after }: Parts): boolean {
  return before.length + after.length >= Math.max(8, part.length);
}

function Differing({ parts }: { readonly parts: Parts }) {
  return (
    <>
      <Foreign text={parts.before} hasLines />
      <mark className={classes.part}>
        <Foreign text={parts.differing} hasLines />
      </mark>
      <Foreign text={parts.after} hasLines />
    </>
  );
}

function ValueView({ value }: { readonly value: Value }) {
  switch (value.kind) {
    case 'null':
      return <span className={classes.quiet}>null</span>;
    case 'assigned':
      return <span className={classes.quiet}>when it runs</span>;
    case 'long':
      return (
        <span className={classes.quiet}>
          {grouped(value.bytes)} bytes, sha256 {value.sha256}
        </span>
      );
    case 'text':
      return value.text === '' ? (
        <span className={classes.quiet}>empty text</span>
      ) : (
        <Foreign text={value.text} hasLines />
      );
  }
}
