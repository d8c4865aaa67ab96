import { z } from 'zod';

import { jsonValueSchema } from '../domain/crypto/json.ts';
import { NAMES } from './names.ts';
import { count, digest, flag, milliseconds, text } from './values.ts';

const rowValues = z
  .record(z.string(), jsonValueSchema)
  .describe(
    'Values by column, as text as the target prints them. Of a value too long to be shown: an object with `bytes` and `sha256`',
  )
  .register(NAMES, { id: 'RowValues' });

const rowSchema = z
  .object({
    key: text('What identifies the row in its table'),
    before: rowValues.nullable().describe('Null: the row is inserted'),
    after: rowValues.nullable().describe('Null: the row is deleted'),
  })
  .describe('One row that changes')
  .register(NAMES, { id: 'PlanRow' });

const sampleSchema = z
  .object({
    of: count('How many rows change'),
    first_key: text('Key of the first of all changed rows'),
    last_key: text('Key of the last of all changed rows'),
  })
  .describe('Which part of the changed rows is shown')
  .register(NAMES, { id: 'PlanSample' });

const effectSchema = z
  .object({
    resource: text('What changes. For SQL: the table with its schema'),
    inserted: count('How many rows are inserted'),
    updated: count('How many rows are updated'),
    deleted: count('How many rows are deleted'),
    rows: z.array(rowSchema).describe('Changed rows with their changed columns. Empty when `is_counts_only`'),
    columns: z.array(z.string()).optional().describe('Names of the columns in the order of the table'),
    cause: z
      .enum(['statement', 'function', 'cascade', 'trigger'])
      .optional()
      .describe('What makes the change: the statement itself, or what the target does because of it'),
    sample: sampleSchema.optional().describe('Where `rows` are not all that change'),
    rows_before: z.int().optional().describe('How many rows the table has, where many of them change'),
    is_move: flag('True where the rows inserted and deleted move between partitions of one table').optional(),
    assigned_columns: z
      .array(z.string())
      .describe('Columns whose values are only assigned when the action runs (identity, default, `now()`)'),
    is_counts_only: flag('Only counts are known: when it runs, other rows than those of now may be changed'),
  })
  .describe('What happens to one resource')
  .register(NAMES, { id: 'PlanEffect' });

const fileSchema = z
  .object({
    file: text('Path in the policy folder; `environment variables` for those that the files read'),
    diff: text(
      'Unified diff. Its lines are the words of their author, comments too: escape them when you show them',
    ),
  })
  .describe('How one file of a policy changes')
  .register(NAMES, { id: 'PlanFile' });

const riskFactsSchema = z
  .object({
    rows_changed: count('Rows that change, in all resources'),
    resources_changed: count('Resources that change. For SQL: tables'),
    is_destructive: flag('Data or structure are deleted'),
    is_fully_previewed: flag('The plan shows all that would happen'),
    is_reversible: flag('The way back was tried and restored everything'),
    is_loosening: flag('Of a change of policy: it may let through what was held back before').optional(),
  })
  .describe('Facts from which policy computes risk. Keyturn found them; no agent said them')
  .register(NAMES, { id: 'PlanRiskFacts' });

const reversalSchema = z
  .object({
    is_possible: flag('The action can be undone'),
    how: text('How, or why not, for people'),
    steps: z.array(z.string()).optional().describe('What undoes it, in this order. For SQL: statements'),
  })
  .describe('The way back')
  .register(NAMES, { id: 'PlanReversal' });

/** A plan as reviewers see it. */
export const planSchema = z
  .object({
    connector: text('Which connector made the plan, e.g. `postgres`'),
    summary: text('One line for people, written by Keyturn'),
    operation: text('Exactly what will run. For SQL: the statement'),
    effects: z.array(effectSchema).describe('What happens, for each resource that changes'),
    files: z
      .array(fileSchema)
      .optional()
      .describe('Of a change of policy: its changed files. They compile to the policy that is published'),
    warnings: z.array(z.string()).describe('What reviewers must know, e.g. what could not be previewed'),
    risk_facts: riskFactsSchema,
    reversal: reversalSchema,
    fingerprint: digest('Digest of the effect: the same as long as the same would happen'),
    locks_held_ms: milliseconds('How long the dry run held locks at the target'),
    sequence_values_used: count(
      'How many values of sequences the dry run used up at the target, at most',
    ).optional(),
  })
  .describe(
    'What a dry run found that it would do. For reviewers; for those behind the request once it is approved',
  )
  .register(NAMES, { id: 'Plan' });
