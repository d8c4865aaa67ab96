import { toned, untoned } from './tone.ts';
import { padded, pieces, widthOf } from './width.ts';

/** Rows with as many cells, as wide as their columns may be. */
export interface Table {
  readonly widths: readonly number[];
  /** Of the terminal; infinite where a program reads. */
  readonly width: number;
  /** The head, where the columns do not fit beside each other: then each row is a record of names and values. */
  readonly names: readonly string[] | null;
  /** Columns whose cells stand on lines of their own below the others, where that is easier to read than narrow columns. */
  readonly below: readonly number[];
}

const GAP = '  ';

/** One long cell must not pad all other rows where nothing bounds them. */
const PADDED_MAX = 60;

/** No column is narrower than this, or than its longest word up to the second number, unless nothing else is possible. */
const COLUMN_MIN = 12;
const WORD_MAX = 32;

export function tableOf(rows: readonly (readonly string[])[], width: number): Table {
  const head = rows[0] ?? [];
  const columns = head.map((_, column) => rows.map((cells) => cells[column] ?? ''));
  const natural = columns.map((cells) => Math.max(...cells.map(widthOf)));
  const whole = { width, names: null, below: [] };
  if (width === Infinity) return { ...whole, widths: natural.map((size) => Math.min(size, PADDED_MAX)) };
  const room = width - GAP.length * (head.length - 1);
  const widths = shrunk(natural, columns.map(floorOf), room);
  const names = namesOf(head);
  if (widths && (!names || isFlat(natural, widths))) return { ...whole, widths };
  const below = names ? belowOf(natural, width) : null;
  if (below) return { ...whole, widths: natural, below };
  return widths
    ? { ...whole, widths }
    : { ...whole, widths: shrunk(natural, natural.map(atMostTwo), room) ?? [], names };
}

/** A row of more lines than this is no row for the eye. */
const ROW_LINES_MAX = 2;

function isFlat(natural: readonly number[], widths: readonly number[]): boolean {
  return natural.every((size, column) => size <= ROW_LINES_MAX * (widths[column] ?? 0));
}

/** The widest columns, without which the others fit; null when fewer than two are left. The first is the row's name. */
function belowOf(natural: readonly number[], width: number): readonly number[] | null {
  const below: number[] = [];
  for (let count = natural.length; count >= 2; count -= 1) {
    const beside = natural.filter((_, column) => !below.includes(column));
    if (sumOf(beside) + GAP.length * (count - 1) <= width)
      return below.toSorted((left, right) => left - right);
    const others = natural.map((size, column) => (column === 0 || below.includes(column) ? -1 : size));
    below.push(others.indexOf(Math.max(...others)));
  }
  return null;
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
  const { widths, width, names, below } = table;
  if (width === Infinity) return [lineOf(cells, widths)];
  if (names) return recordLines(cells, names, width);
  if (below.length > 0) return linesWithBelow(cells, table);
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

function linesWithBelow(cells: readonly string[], { widths, width, below }: Table): string[] {
  const isBeside = (_: unknown, column: number): boolean => !below.includes(column);
  const room = width - BELOW.length;
  const lines = below
    .map((column) => cells[column] ?? '')
    .flatMap((cell) => (cell === '' ? [] : cellLines(cell, room)));
  return [
    ...linesOf(cells.filter(isBeside), widths.filter(isBeside)),
    ...lines.map((line) => `${BELOW}${line}`),
  ];
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
