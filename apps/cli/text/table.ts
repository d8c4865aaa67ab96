import { toned } from './tone.ts';

/** Stands between two cells of a row. Foreign text holds none: `visible` leaves no control character in it. */
export const CELL = '\u001F';

const HEAD = /^[A-Z][A-Z ]*$/;

/** Rows of a table, which the terminal lays out to its width. Cells are safe text; a first row in capitals is its head. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  return rows.map((cells, index) => {
    const isHead = index === 0 && cells.length > 1 && cells.every((cell) => HEAD.test(cell));
    return (isHead ? cells.map((cell) => toned('heading', cell)) : cells).join(CELL);
  });
}

/** Name and value, one a line, indented. */
export function factLines(
  facts: readonly (readonly [name: string, value: string])[],
  indent = '  ',
): string[] {
  return facts.map(([name, value]) => `${indent}${name}${CELL}${value}`);
}
