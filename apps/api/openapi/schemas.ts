import { z } from 'zod';

import { changeSchema } from '../../../contract/changes.ts';
import { NAMES } from '../../../contract/names.ts';
import type { Operation } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import { problemSchema } from '../../../contract/problem.ts';
import { jsonValueSchema } from '../../../domain/crypto/json.ts';
import { portable, type Direction, type JsonSchema } from './portable.ts';

/** Every schema that has a name, in bodies and answers of operations. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  const operations = Object.values<Operation>(OPERATIONS);
  const answered = operations.flatMap(({ answers }) => answers.map(({ schema }) => schema));
  return {
    ...inDirection(
      'input',
      operations.map(({ body }) => body),
    ),
    ...inDirection('output', [...answered, changeSchema, problemSchema]),
  };
}

/** A schema, by reference where it has a name. */
export function schemaOf(schema: z.ZodType, direction: Direction): JsonSchema {
  const name = NAMES.get(schema)?.id;
  if (name !== undefined) return referenceTo(name);
  const { $schema: _dialect, $defs: parts = {}, ...rest } = converted(schema, direction);
  return portable(rest, { direction, resolve: (part) => resolved(parts as Parts, part) });
}

function inDirection(direction: Direction, schemas: readonly (z.ZodType | undefined)[]): Parts {
  const { $defs: parts = {} } = converted(
    z.tuple(schemas.filter((schema) => schema !== undefined) as [z.ZodType]),
    direction,
  );
  const rewriting = { direction, resolve: (name: string) => resolved(parts as Parts, name) };
  const isNamed = ([name]: [string, JsonSchema]): boolean => !isOwnName(name);
  return Object.fromEntries(
    Object.entries(parts as Parts)
      .filter(isNamed)
      .map(([name, schema]) => [name, portable(schema, rewriting)]),
  );
}

type Parts = Readonly<Record<string, JsonSchema>>;

/** With the schemas that have a name, and those that refer to themselves, in `$defs`. */
function converted(schema: z.ZodType, direction: Direction): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    unrepresentable: 'any',
    io: direction,
    metadata: NAMES,
    override: ({ zodSchema, jsonSchema }) => {
      // It refers to itself: published as any value.
      if (zodSchema === jsonValueSchema)
        for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      // The converter publishes only the registry given above, which has the names.
      const description = z.globalRegistry.get(zodSchema)?.description;
      if (description !== undefined) Object.assign(jsonSchema, { description });
    },
  });
}

/** By name where it has one; inline where it only refers to itself. */
function resolved(parts: Parts, name: string): JsonSchema {
  return isOwnName(name) ? (parts[name] ?? {}) : referenceTo(name);
}

/** The converter names what refers to itself. */
function isOwnName(name: string): boolean {
  return name.startsWith('__');
}

function referenceTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}
