/** Makes a value one of a statement: answers how the statement names it. */
export type Put = (value: unknown, type: string) => string;

/** The values of a statement that is put together. */
export function parameters(): { readonly values: unknown[]; readonly put: Put } {
  const values: unknown[] = [];
  return { values, put: (value, type) => `$${values.push(value)}::${type}` };
}
