import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';

import { KeyturnError } from '../../../domain/errors.ts';
import { mistakesOf, mistakeText } from './mistakes.ts';

/** The operation whose body a pipe reads. */
interface WithBody<Schema extends z.ZodType> {
  readonly body: Schema;
  readonly isBodyOptional?: boolean;
}

/** Gives a handler the body of its operation, or refuses (`invalid_request`). */
export class BodyPipe<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  readonly operation: WithBody<Schema>;

  constructor(operation: WithBody<Schema>) {
    this.operation = operation;
  }

  transform(value: unknown): z.output<Schema> {
    const { body, isBodyOptional = false } = this.operation;
    return parseAs(body, withoutNulls(body, isBodyOptional ? (value ?? {}) : value));
  }
}

/** Gives a handler the query of its operation, or refuses (`invalid_request`). */
export class QueryPipe<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  readonly operation: { readonly query: Schema };

  constructor(operation: { readonly query: Schema }) {
    this.operation = operation;
  }

  transform(value: unknown): z.output<Schema> {
    return parseAs(this.operation.query, value);
  }
}

/** The value in the schema's form. Refuses (`invalid_request`) with the path of each mistake. */
export function parseAs<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value, { error: mistakeText });
  if (parsed.success) return parsed.data;
  const errors = mistakesOf(parsed.error.issues).slice(0, 20);
  throw new KeyturnError('invalid_request', 'The request does not match the schema: see `errors`.', {
    errors,
  });
}

/**
 * Many programs write null for a field that they leave out: where a field is optional and null has no meaning of its own,
 * it counts as left out.
 */
function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => withoutNulls(schema.element as z.ZodType, item));
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
