import type { RowValues, Value } from './raw-rows.ts';
import type { TableShape } from './table-shape.ts';

/** One changed row, whole. `key` is null where the table has none. */
export interface RowImage {
  readonly key: string | null;
  readonly before: RowValues | null;
  readonly after: RowValues | null;
}

/** The values of rows that were not there before. */
export function insertedOf(rows: readonly RowImage[]): readonly RowValues[] {
  return rows.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
}

/** A row that is there before and after. */
export function isUpdate(
  row: RowImage,
): row is RowImage & { readonly before: RowValues; readonly after: RowValues } {
  return row.before !== null && row.after !== null;
}

/** Equal for the same values, in whatever order. */
export function bagOf(values: readonly unknown[]): string {
  return JSON.stringify(values.map((value) => JSON.stringify(value)).sort());
}

interface Unpaired {
  readonly before: readonly RowValues[];
  readonly after: readonly RowValues[];
  readonly shape: TableShape;
  /** How many of them were certainly updated, and not deleted and inserted. */
  readonly updated: number;
}

/**
 * Pairs both images of a row by its key. Where a key changed, the images are paired when all other values tell which
 * belong together; otherwise, and without a key, both stand for themselves. No image is ever lost.
 */
export function paired({ before, after, shape, updated }: Unpaired): readonly RowImage[] {
  const keyOf = (row: RowValues): string | null => keyText(row, shape);
  const gone = before.map((row) => ({ key: keyOf(row), before: row, after: null }));
  const fresh = after.map((row) => ({ key: keyOf(row), before: null, after: row }));
  if (shape.key.length === 0 || hasTwins(gone) || hasTwins(fresh)) {
    return withoutPairs(gone, fresh).map((image) => ({ ...image, key: null }));
  }
  const partners = new Map(gone.map((image) => [image.key, image]));
  const same = fresh.flatMap((image) => {
    const partner = partners.get(image.key);
    return partner === undefined ? [] : [{ ...image, before: partner.before }];
  });
  const known = new Set(same.map(({ key }) => key));
  const left = {
    gone: gone.filter(({ key }) => !known.has(key)),
    fresh: fresh.filter(({ key }) => !known.has(key)),
  };
  return [...same, ...withNewKeys(left, shape, updated - same.length)];
}

/** Rows that nothing tells apart: of those that are the same before and after, nothing changed. */
function withoutPairs(gone: readonly Gone[], fresh: readonly Fresh[]): readonly RowImage[] {
  const unmatched = Map.groupBy(fresh, ({ after }) => JSON.stringify(after));
  const left = gone.filter(({ before }) => unmatched.get(JSON.stringify(before))?.pop() === undefined);
  return [...left, ...[...unmatched.values()].flat()];
}

/** Equal keys of different rows: the index then compares otherwise than the text does. */
function hasTwins(images: readonly RowImage[]): boolean {
  return new Set(images.map(({ key }) => key)).size < images.length;
}

function withNewKeys(
  left: { readonly gone: readonly Gone[]; readonly fresh: readonly Fresh[] },
  shape: TableShape,
  count: number,
): readonly RowImage[] {
  const pairs = count > 0 ? pairsByRest(left, shape) : [];
  // Not as many as updated rows: some of them were deleted and inserted, or look like another, and nobody can tell which.
  if (pairs.length === 0 || pairs.length !== count) return [...left.gone, ...left.fresh];
  const used = new Set<RowImage>(pairs.flat());
  return [
    ...pairs.map(([{ key, before }, { after }]) => ({ key, before, after })),
    ...[...left.gone, ...left.fresh].filter((image) => !used.has(image)),
  ];
}

type Gone = RowImage & { readonly before: RowValues };
type Fresh = RowImage & { readonly after: RowValues };

function pairsByRest(
  { gone, fresh }: { readonly gone: readonly Gone[]; readonly fresh: readonly Fresh[] },
  shape: TableShape,
): readonly (readonly [Gone, Fresh])[] {
  const [onlyGone, onlyFresh] = [gone[0], fresh[0]];
  if (gone.length === 1 && fresh.length === 1 && onlyGone && onlyFresh) return [[onlyGone, onlyFresh]];
  const rest = (row: RowValues): string =>
    JSON.stringify(row.filter((_, index) => !shape.columns[index]?.isKey));
  // By what is not their key; several that have the same are told apart by nothing.
  const targets = Map.groupBy(fresh, ({ after }) => rest(after));
  return [...Map.groupBy(gone, ({ before }) => rest(before))].flatMap(([text, [source, ...twins]]) => {
    const [target, ...others] = targets.get(text) ?? [];
    return source && target && twins.length + others.length === 0 ? [[source, target] as const] : [];
  });
}

/** `id=7` or `order_id=7, line="a b"`: readable, and different for different rows. */
export function keyText(row: RowValues, { columns, key }: TableShape): string | null {
  if (key.length === 0) return null;
  return key
    .map((position) => `${columns[position]?.shown ?? ''}=${textOf(row[position] ?? null)}`)
    .join(', ');
}

function textOf(value: Value): string {
  if (value === null) return 'null';
  const isBare = typeof value === 'string' && /^[\w.:@+-]+$/.test(value) && value !== 'null';
  return isBare ? value : JSON.stringify(value);
}
