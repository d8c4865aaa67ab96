import { toned, untoned } from './tone.ts';
import { padded, pieces, widthOf } from './width.ts';

/** Rows with as many cells, as wide as their columns may be. */
export interface Table {
  readonly widths: readonly number[];
  /** Of the terminal; infinite where a program reads. */
  readonly width: number;
  /** The head, where the columns do not fit beside each other: then each row is a record of names and values. */
  readonly names: readonly string[] | null;
}

const GAP = '  ';

/** One long cell must not pad all other rows where nothing bounds them. */
const PADDED_MAX = 60;

/** No column is narrower than this, or than its longest word up to the second number, unless nothing else is possible. */
const COLUMN_MIN = 12;
const WORD_MAX = 32;

/** Columns for rows with as many cells. */
export function tableOf(rows: readonly (readonly string[])[], width: number): Table {
  const head = rows[0] ?? [];
  const columns = head.map((_, column) => rows.map((cells) => cells[column] ?? ''));
  const natural = columns.map((cells) => Math.max(...cells.map(widthOf)));
  if (width === Infinity)
    return { widths: natural.map((size) => Math.min(size, PADDED_MAX)), width, names: null };
  const room = width - GAP.length * (head.length - 1);
  const widths = shrunk(natural, columns.map(floorOf), room);
  if (widths) return { widths, width, names: null };
  return { widths: shrunk(natural, natural.map(atMostTwo), room) ?? [], width, names: namesOf(head) };
}

function floorOf(cells: readonly string[]): number {
  const longest = Math.max(...cells.flatMap((cell) => cell.trim().split(' ').map(widthOf)));
  const natural = Math.max(...cells.map(widthOf));
  return Math.min(natural, Math.max(COLUMN_MIN, Math.min(longest, WORD_MAX)));
}

function atMostTwo(size: number): number {
  return Math.min(size, 2);
}

/** A head is toned as one, cell by cell. */
function namesOf(first: readonly string[]): readonly string[] | null {
  const names = first.map(untoned);
  return first.every((cell, column) => cell === toned('heading', names[column] ?? '')) ? names : null;
}

/** The widths made to fit, the widest column first; null when that is not possible. */
function shrunk(
  natural: readonly number[],
  floors: readonly number[],
  room: number,
): readonly number[] | null {
  const widths = natural.map((size) => Math.min(size, Math.max(room, 1)));
  for (let excess = sumOf(widths) - room; excess > 0; excess -= 1) {
    const able = widths.map((size, column) => (size > (floors[column] ?? 0) ? size : 0));
    const widest = Math.max(...able);
    if (widest === 0) return null;
    widths[able.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** One row on the screen. A cell that does not fit goes on in its column, and never leaves it. */
export function rowLines(cells: readonly string[], table: Table): string[] {
  const { widths, width, names } = table;
  if (width === Infinity) return [lineOf(cells, widths)];
  if (names) return recordLines(cells, names, width);
  const beside = cells.slice(0, -1);
  const last = cells.at(-1) ?? '';
  if (isForBelow(last, table)) return [...linesOf([...beside, ''], widths), `${BELOW}${last}`];
  return linesOf(cells, widths);
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => padded(cell, widths[column] ?? 0))
    .join(GAP)
    .trimEnd();
}

function linesOf(cells: readonly string[], widths: readonly number[]): string[] {
  const parts = cells.map((cell, column) => cellLines(cell, widths[column] ?? 1));
  const height = Math.max(...parts.map((part) => part.length));
  return Array.from({ length: height }, (_, line) =>
    lineOf(
      parts.map((part) => part[line] ?? ''),
      widths,
    ),
  );
}

function cellLines(cell: string, width: number): string[] {
  const room = Math.max(width, 1);
  // A blank at the end of a piece takes no room where the next column is padded anyway.
  return pieces(cell, { first: room, rest: room }).map((piece) => piece.trimEnd());
}

/** A digest or an address is to be copied: it stands below in one piece where its column would break it. */
const BELOW = '    ';

function isForBelow(cell: string, { widths, width }: Table): boolean {
  const size = widthOf(cell);
  return size > (widths.at(-1) ?? 0) && size <= width - BELOW.length && !/[ ,]/.test(cell);
}

/** A row as its first cell and a record below it: `NAME  value`. */
function recordLines(cells: readonly string[], names: readonly string[], width: number): string[] {
  if (cells.every((cell, column) => untoned(cell) === names[column])) return [];
  const [first = '', ...others] = cells;
  const facts = others.flatMap((cell, index) => (cell === '' ? [] : [[`  ${names[index + 1] ?? ''}`, cell]]));
  if (facts.length === 0) return linesOf([first], [width]);
  const table = tableOf(facts, width);
  return [...linesOf([first], [width]), ...facts.flatMap((fact) => rowLines(fact, table))];
}
