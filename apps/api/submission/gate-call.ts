import type { GateGround } from '../../../database/gate-answers.ts';
import type { Evaluation } from '../../../domain/policy/evaluation.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import type { PolicyFacts } from '../../../domain/policy/facts.ts';
import type { CatalogueEntry } from '../catalogue/entry.ts';
import type { CreateCall } from './create-call.ts';

/** A gate request that the catalogue knows. */
export interface GateAsked extends CatalogueEntry {
  readonly call: CreateCall;
  readonly id: string;
  readonly lineage: Lineage;
  readonly at: Date;
  readonly ground: GateGround;
}

/** What policy says, and of what. */
export interface Judged {
  readonly facts: PolicyFacts;
  readonly evaluation: Evaluation;
}

/** An answer about to be recorded. */
export type AllowedGate = GateAsked & Judged;
