import { z } from 'zod';

import { policySetSchema } from '../../../domain/policy-schema.ts';
import { actionsSchema } from '../../../domain/wire-actions.ts';
import { evaluateBodySchema, evaluationSchema } from '../../../domain/wire-evaluate.ts';
import { jsonValueSchema } from '../../../domain/wire-json.ts';
import { identitySchema } from '../../../domain/wire-lineage.ts';
import { planSchema } from '../../../domain/wire-plan.ts';
import * as policies from '../../../domain/wire-policies.ts';
import { meSchema } from '../../../domain/wire-me.ts';
import { protectedResourceSchema } from '../../../domain/wire-sign-in.ts';
import { targetPageSchema } from '../../../domain/wire-targets.ts';
import * as streams from '../../../domain/wire-streams.ts';
import * as switches from '../../../domain/wire-switches.ts';
import { healthSchema } from '../../../domain/wire-service.ts';
import * as wire from '../../../domain/wire.ts';
import { nameIn, portable, type Direction, type JsonSchema } from './portable.ts';

const REFERENCE = '#/components/schemas/';

/** Bodies that come in, by the name they are published under. */
const BODIES = {
  CreateRequestBody: wire.createBodySchema,
  DecisionBody: wire.decisionBodySchema,
  WithdrawBody: wire.withdrawBodySchema,
  EvaluateBody: evaluateBodySchema,
  ThrowSwitchBody: switches.throwBodySchema,
  LiftSwitchBody: switches.liftBodySchema,
  ProposePolicyBody: policies.proposeBodySchema,
} as const;

/** What goes out, by the name it is published under. */
const ANSWERS = {
  Request: wire.requestSchema,
  RequestSummary: wire.requestSummarySchema,
  RequestPage: wire.requestPageSchema,
  Requirement: wire.requirementSchema,
  Plan: planSchema,
  Decision: wire.decisionSchema,
  DecisionAnswer: wire.decisionAnswerSchema,
  DecisionQueued: wire.decisionQueuedSchema,
  Ticket: wire.ticketSchema,
  Timeline: wire.timelineSchema,
  Evidence: wire.evidenceSchema,
  Evaluation: evaluationSchema,
  Actions: actionsSchema,
  Identity: identitySchema,
  KillSwitch: switches.switchSchema,
  KillSwitches: switches.switchListSchema,
  LiftAnswer: switches.liftAnswerSchema,
  Proposal: policies.proposalSchema,
  Policy: policies.policyAnswerSchema,
  AuditPage: streams.streamPageSchema,
  Change: wire.changeSchema,
  KeySet: wire.keysSchema,
  Health: healthSchema,
  ProtectedResource: protectedResourceSchema,
  Me: meSchema,
  TargetPage: targetPageSchema,
  Problem: wire.problemSchema,
} as const;

/** Schemas that are published as any value: they refer to themselves, or are checked by the server alone. */
const ANY: ReadonlyMap<unknown, JsonSchema> = new Map<unknown, JsonSchema>([
  [jsonValueSchema, {}],
  [
    policySetSchema,
    { type: 'object', additionalProperties: true, description: 'A policy as `keyturn policy` compiles it' },
  ],
]);

/** Every schema that has a name. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  return { ...inDirection('input', BODIES), ...inDirection('output', ANSWERS) };
}

/** A schema, by reference where it has a name. */
export function schemaOf(schema: z.ZodType, direction: Direction): JsonSchema {
  const named = Object.entries(direction === 'input' ? BODIES : ANSWERS).find(
    ([, candidate]) => (candidate as z.ZodType) === schema,
  );
  return named ? { $ref: `${REFERENCE}${named[0]}` } : converted(schema, direction);
}

function inDirection(
  direction: Direction,
  named: Readonly<Record<string, z.ZodType>>,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(named).map(([name, schema]) => [name, converted(schema, direction)]),
  );
}

const NAMES = z.registry<{ id: string }>();
for (const [id, schema] of [...Object.entries(BODIES), ...Object.entries(ANSWERS)]) NAMES.add(schema, { id });

/** Self-contained but for references to other schemas that have a name. */
function converted(schema: z.ZodType, direction: Direction): JsonSchema {
  const made: JsonSchema = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    unrepresentable: 'any',
    io: direction,
    metadata: NAMES,
    override: ({ zodSchema, jsonSchema }) => {
      const replacement = ANY.get(zodSchema);
      if (replacement) {
        for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
        Object.assign(jsonSchema, replacement);
      }
      // Only what the registry given above says is published by itself: the names.
      const description = z.globalRegistry.get(zodSchema)?.description;
      if (description !== undefined) Object.assign(jsonSchema, { description });
    },
  });
  const { $schema: _dialect, $defs: parts = {}, ...rest } = made;
  const own = (parts as Readonly<Record<string, JsonSchema>>)[nameIn(rest) ?? ''] ?? rest;
  return portable(own, { direction, resolve: (name) => resolved(parts as Record<string, JsonSchema>, name) });
}

/** By name where it has one; in place where it only refers to itself. */
function resolved(parts: Readonly<Record<string, JsonSchema>>, name: string): JsonSchema {
  if (name in BODIES || name in ANSWERS) return { $ref: `${REFERENCE}${name}` };
  return parts[name] ?? {};
}
