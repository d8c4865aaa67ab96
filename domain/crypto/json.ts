import { z } from 'zod';

/** Any JSON value. One schema for all, so that the published document names it once. */
export const jsonValueSchema = z.json();

/** The same, with words of its own: null is a JSON value anyhow. */
export function anyJson(meaning: string) {
  return jsonValueSchema.nullable().describe(meaning);
}
