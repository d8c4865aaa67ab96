import { z } from 'zod';

import { actionsSchema } from '../../../contract/actions.ts';
import { evaluateBodySchema, evaluationSchema } from '../../../contract/evaluate.ts';
import * as history from '../../../contract/history.ts';
import { jsonValueSchema } from '../../../domain/crypto/json.ts';
import { identitySchema } from '../../../contract/lineage.ts';
import { NAMES } from '../../../contract/names.ts';
import { planSchema } from '../../../contract/plan.ts';
import * as policies from '../../../contract/policies.ts';
import { meSchema } from '../../../contract/me.ts';
import { requirementSchema } from '../../../contract/requirement.ts';
import { protectedResourceSchema } from '../../../contract/sign-in.ts';
import { targetPageSchema } from '../../../contract/targets.ts';
import * as streams from '../../../contract/streams.ts';
import * as switches from '../../../contract/switches.ts';
import { healthSchema, openApiSchema } from '../../../contract/service.ts';
import * as wire from '../../../contract/requests.ts';
import { portable, type Direction, type JsonSchema } from './portable.ts';

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
  Requirement: requirementSchema,
  Plan: planSchema,
  Decision: history.decisionSchema,
  DecisionAnswer: wire.decisionAnswerSchema,
  DecisionQueued: wire.decisionQueuedSchema,
  Ticket: wire.ticketSchema,
  Timeline: history.timelineSchema,
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
  OpenApiDocument: openApiSchema,
  ProtectedResource: protectedResourceSchema,
  Me: meSchema,
  TargetPage: targetPageSchema,
  Problem: wire.problemSchema,
} as const;

/** Every schema that has a name: those listed here, and the parts of them that have one. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  return { ...inDirection('input', BODIES), ...inDirection('output', ANSWERS) };
}

/** A schema, by reference where it has a name. */
export function schemaOf(schema: z.ZodType, direction: Direction): JsonSchema {
  const name = NAMES.get(schema)?.id;
  if (name !== undefined) return referenceTo(name);
  const { $schema: _dialect, $defs: parts = {}, ...rest } = converted(schema, direction);
  return portable(rest, { direction, resolve: (part) => resolved(parts as Parts, part) });
}

function inDirection(direction: Direction, named: Readonly<Record<string, z.ZodType>>): Parts {
  const { $defs: parts = {} } = converted(z.object(named), direction);
  const rewriting = { direction, resolve: (name: string) => resolved(parts as Parts, name) };
  const isNamed = ([name]: [string, JsonSchema]): boolean => !isOwnName(name);
  return Object.fromEntries(
    Object.entries(parts as Parts)
      .filter(isNamed)
      .map(([name, schema]) => [name, portable(schema, rewriting)]),
  );
}

type Parts = Readonly<Record<string, JsonSchema>>;

for (const [id, schema] of [...Object.entries(BODIES), ...Object.entries(ANSWERS)]) NAMES.add(schema, { id });

/** With the schemas that have a name, and those that only refer to themselves, in `$defs`. */
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
      // Only what the registry given above says is published by itself: the names.
      const description = z.globalRegistry.get(zodSchema)?.description;
      if (description !== undefined) Object.assign(jsonSchema, { description });
    },
  });
}

/** By name where it has one; in place where it only refers to itself. */
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
