import { z } from 'zod';

import { WEEKDAYS } from '../calendar/wall-clock.ts';
import { RISK_TIERS } from './risk.ts';
import { jsonValueSchema } from '../crypto/json.ts';

/** The form of a compiled policy that comes from outside. What its parts mean is checked where it is loaded. */

const name = z.string().min(1).max(200);
const line = z.string().max(500);
const condition = z.string().min(1).max(2_048);
const milliseconds = z.int().positive();
const instant = z.iso.datetime({ precision: 3 });
const names = z.array(name).max(2_000);
const json = z.record(z.string(), jsonValueSchema);
const grade = z.enum(['A', 'B', 'C', 'D']);

const stage = z.strictObject({
  any: names,
  quorum: z.int().positive(),
  escalate: z.array(z.strictObject({ after_ms: milliseconds, to: name })).max(50),
});

const requirement = z.strictObject({
  rule: name,
  stages: z.array(stage).max(50),
  order: z.enum(['parallel', 'sequential']),
  expires_ms: milliseconds,
  maximum_age_ms: milliseconds,
  minimum_grade: grade,
  is_reason_required: z.boolean(),
  reviewer_when: condition.optional(),
  clock: name.optional(),
});

const rule = z.strictObject({
  id: name,
  on: z.strictObject({ action: names, env: names.nullable(), target: names.nullable().optional() }),
  when: condition.optional(),
  effect: z.enum(['allow', 'review', 'forbid']),
  because: line.nullable(),
  require: requirement.nullable(),
  replaces_default: z.boolean(),
  break_glass: z.boolean().optional(),
  yields_to_break_glass: z.boolean().optional(),
  valid_for_ms: milliseconds.optional(),
  source: z
    .string()
    .max(500)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'readable text'),
});

const of = z
  .string()
  .max(200)
  .regex(/^args\../u);

const resolver = z.discriminatedUnion('resolver', [
  z.strictObject({ resolver: z.enum(['identity', 'target']), of }),
  z.strictObject({ resolver: z.literal('table'), of, table: name }),
]);

const ownersResolver = z.discriminatedUnion('resolver', [
  z.strictObject({ resolver: z.literal('target'), of, otherwise: name }),
  z.strictObject({ resolver: z.literal('table'), of, table: name, column: name, otherwise: name }),
]);

const table = z.strictObject({
  id: name,
  columns: z.record(name, z.union([z.enum(['text', 'integer', 'flag', 'selectors']), names])),
  rows: z.record(z.string().max(500), z.record(name, z.union([line, z.int(), z.boolean(), names]))),
});

const action = z.strictObject({
  action: name,
  schema_version: z.int().positive(),
  title: line,
  connector: name.nullable(),
  resource_type: name,
  arguments: json,
  fallback: z.enum(['review', 'forbid']),
  facts: z.record(name, resolver).optional(),
  owners: ownersResolver.optional(),
});

const target = z.strictObject({
  id: name,
  title: line,
  resource_type: name,
  environment: name,
  owners: names,
  connection: json,
  tags: names.optional(),
  data_class: name.optional(),
});

const tierTerms = z.strictObject({
  distinct_people: z.int().positive(),
  minimum_grade: grade,
  maximum_age_ms: milliseconds.nullable(),
  channels: z.enum(['summary', 'link']).optional(),
});

const riskLine = z.strictObject({
  on: z.strictObject({ action: names, env: names.nullable() }).optional(),
  weight: z.int(),
  because: line,
  when: condition,
});

const risk = z.strictObject({
  lines: z.array(riskLine).max(1_000),
  tiers: z.strictObject({ medium: z.int(), high: z.int(), critical: z.int() }),
  demands: z.partialRecord(z.enum(RISK_TIERS), tierTerms),
});

const window = z.strictObject({
  id: name,
  action: names,
  over_ms: milliseconds,
  per: z.array(z.enum(['lineage', 'action', 'target'])).max(3),
  sum: name.nullable(),
});

const identity = { issuer: z.string().min(1).max(2_048), subject: z.string().min(1).max(500) };

const directory = z.strictObject({
  people: z
    .array(
      z.strictObject({
        id: name,
        name: line,
        active: z.boolean(),
        accounts: z.array(z.strictObject(identity)).max(100),
      }),
    )
    .max(20_000),
  agents: z
    .array(
      z.strictObject({
        ...identity,
        id: name,
        name: line,
        active: z.boolean(),
        owner: name,
        acts_for_people: z.boolean(),
        client: name.optional(),
      }),
    )
    .max(20_000),
  groups: z
    .array(
      z.strictObject({
        id: name,
        authority: z.string().min(1).max(2_100).optional(),
        external_id: z.string().min(1).max(500).optional(),
        claim: z.string().min(1).max(256).optional(),
        maximum_age_ms: milliseconds.optional(),
        members: z.array(name).max(20_000),
        groups: names,
      }),
    )
    .max(20_000),
});

const hours = z.array(z.strictObject({ from: z.string().max(5), to: z.string().max(5) })).max(100);
const weekday = z.enum(WEEKDAYS);

const calendar = z.strictObject({
  id: name,
  time_zone: name,
  week: z.record(weekday, hours),
  holidays: names,
});

const freeze = z.strictObject({
  id: name,
  title: line,
  from: instant,
  to: instant,
  environments: names.nullable(),
  actions: names.nullable(),
});

const rotation = z.strictObject({
  id: name,
  time_zone: name,
  hand_over: z.strictObject({ day: weekday, time: z.string().max(5) }),
  starts_on: z.string().max(10),
  people: names,
  overrides: z.array(z.strictObject({ from: instant, to: instant, person: name })).max(2_000),
});

const polledRotation = z.strictObject({
  id: name,
  source: name,
  schedule: name,
  maximum_staleness_ms: milliseconds,
});

/** A whole compiled policy. Strict: a field that this version does not know could mean anything, so it is refused. */
export const policySetSchema = z.strictObject({
  version: z.literal('keyturn/v1'),
  environments: names,
  production: names,
  enums: z.record(name, names),
  defaults: z.strictObject({ effect: z.enum(['review', 'forbid']), require: requirement }),
  risk,
  windows: z.array(window).max(1_000),
  actions: z.array(action).max(1_000),
  targets: z.array(target).max(5_000),
  rules: z.array(rule).max(5_000),
  directory,
  calendars: z.array(calendar).max(200),
  default_calendar: name.optional(),
  freezes: z.array(freeze).max(2_000),
  rotations: z.array(rotation).max(1_000),
  polled_rotations: z.array(polledRotation).min(1).max(1_000).optional(),
  operators: names.optional(),
  reviewers: z.strictObject({ when: condition, because: line }).optional(),
  tables: z.array(table).max(200).optional(),
});
