import type { TableEffect } from './images.ts';
import { blindTable } from './images.ts';
import { keptText, type Projection } from './projection.ts';
import type { WrittenTable } from './written-tables.ts';

/** What rows of a table keep that were there before, wherever they move to. Code of the owner may set any column. */
export function keptIn(
  { tables, runsOwnerCode }: { readonly tables: readonly WrittenTable[]; readonly runsOwnerCode: boolean },
  effects: readonly TableEffect[],
  { oid }: Pick<TableEffect, 'oid'>,
): Pick<Projection, 'keptColumns' | 'movedRows' | 'renamedRows'> {
  const table = tables.find((written) => written.oid === oid);
  if (runsOwnerCode || table === undefined) return {};
  const { kept } = table;
  if (!table.operations.includes('update')) return { keptColumns: kept };
  const goneFrom = (those: readonly TableEffect[]): ReadonlySet<string | null> =>
    new Set(
      those.flatMap(({ rows, shape }) =>
        (rows ?? []).flatMap(({ before, after }) =>
          before !== null && after === null ? [keptText(before, shape, kept)] : [],
        ),
      ),
    );
  return {
    keptColumns: kept,
    movedRows: goneFrom(effects.filter((other) => isKin(tables, table, other))),
    renamedRows: goneFrom(effects.filter((effect) => effect.oid === oid)),
  };
}

/** True for another table that rows of this one may come from when an update changes where they belong. */
function isKin(tables: readonly WrittenTable[], { oid, roots }: WrittenTable, other: TableEffect): boolean {
  return (
    other.oid !== oid &&
    tables.some((written) => written.oid === other.oid && written.roots.some((root) => roots.includes(root)))
  );
}

const UNSEEN_MOVES = 'rows may have moved there from a table whose rows are only counted';

/** Of rows that came from where nobody could read them, nobody can say what they keep: then these are only counted, too. */
export function withoutUnseenMoves(
  effects: readonly TableEffect[],
  tables: readonly WrittenTable[],
): readonly TableEffect[] {
  const left = effects.filter(({ rows, deleted }) => rows === null && deleted > 0);
  return effects.map((effect) => {
    const table = tables.find(({ oid }) => oid === effect.oid);
    const isFed =
      table?.operations.includes('update') === true && effect.inserted > 0 && effect.rows !== null;
    return isFed && left.some((other) => isKin(tables, table, other))
      ? blindTable(effect, UNSEEN_MOVES)
      : effect;
  });
}
