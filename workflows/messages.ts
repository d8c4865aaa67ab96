import { defineQuery, defineSignal } from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import type { Tally } from '../domain/approval/quorum.ts';
import type { RequestStatus } from '../domain/request/status.ts';
import type { ChannelLimit } from '../domain/request/requirement.ts';

/** The type name of the workflow, fixed: open requests refer to it. */
export const PRIVILEGED_ACTION = 'privilegedAction';

/**
 * What a workflow is started with. Only `request` matters: an envelope that the API signed and every activity verifies.
 * `asked` is for people who read it in the Temporal UI; nothing is decided from it.
 */
export interface PrivilegedActionInput {
  readonly asked: {
    readonly action: string;
    readonly target: string;
    readonly asked_by: string;
    readonly how_to_decide: string;
  };
  readonly request: string;
}

/** Where a request stands, for the Temporal UI and operators. No plan, no arguments, no names. */
export interface WorkflowState {
  readonly request: string;
  readonly status: RequestStatus;
  readonly round: number;
  readonly decision_digest: string | null;
  readonly expires_at: string | null;
  readonly next_escalation_at: string | null;
  readonly tally: Tally | null;
  readonly how_to_decide: string;
  /** Signals that hold nothing that could be a ticket: people who pasted one want to know. */
  readonly ignored_messages: number;
  /** What policy lets a channel such as this one show; what it does not is null here. */
  readonly shown: ChannelLimit;
}

/** A decision that the API signed: of the API itself, or a ticket pasted by a reviewer. Anything else is junk. */
export const decideSignal = defineSignal<[unknown]>('decide');

/** A withdrawal that the API signed for somebody of the lineage. */
export const withdrawSignal = defineSignal<[unknown]>('withdraw');

/** A hint without content: rules or people changed. It decides nothing; an activity looks for itself. */
export const reconsiderSignal = defineSignal('reconsider');

/** Where the request stands. */
export const stateQuery = defineQuery<WorkflowState>('state');

/** Search attributes: never encrypted, so none holds personal data or anything of the arguments. */
export const searchAttributes = {
  status: defineSearchAttributeKey('KeyturnStatus', SearchAttributeType.KEYWORD),
  action: defineSearchAttributeKey('KeyturnAction', SearchAttributeType.KEYWORD),
  environment: defineSearchAttributeKey('KeyturnEnvironment', SearchAttributeType.KEYWORD),
  risk: defineSearchAttributeKey('KeyturnRisk', SearchAttributeType.KEYWORD),
  expiresAt: defineSearchAttributeKey('KeyturnExpiresAt', SearchAttributeType.DATETIME),
} as const;
