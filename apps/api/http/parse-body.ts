import { z } from 'zod';

import { parseAs } from './problems.ts';

/**
 * The body in the schema's form, as `parseAs`. Many programs write null for a field that they leave out: where a field may
 * be left out, and null means nothing of its own, it counts as left out.
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parseAs(schema, withoutNulls(schema, body));
}

function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  const fields = fieldsOf(schema);
  if (!fields || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).flatMap(([name, part]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) return [[name, part]];
    return part === null && isOmissible(field) ? [] : [[name, withoutNulls(field, part)]];
  });
  return Object.fromEntries(kept) as object;
}

function fieldsOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | null {
  if (schema instanceof z.ZodObject) return schema.shape as Record<string, z.ZodType>;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return fieldsOf(schema.unwrap() as z.ZodType);
  return null;
}

function isOmissible(field: z.ZodType): boolean {
  return field.safeParse(undefined).success && !field.safeParse(null).success;
}
