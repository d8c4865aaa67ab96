import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { WorkflowHandle } from '@temporalio/client';
import { importJWK, type CryptoKey, type JWK } from 'jose';

import { readWorkerKeys } from '../../configuration/keys.ts';
import { readWorkerConfiguration } from '../../configuration/programs.ts';
import { base32, requestId } from '../../domain/identity/ids.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { intentDigest } from '../../domain/request/digests.ts';
import {
  signEnvelope,
  type SignedDecision,
  type SignedRequest,
  type SigningKey,
} from '../../domain/crypto/envelope.ts';
import type { Lineage, LineageMember } from '../../domain/identity/identity.ts';
import { seal, type SealingKeys } from '../../domain/crypto/sealing.ts';
import { PRIVILEGED_ACTION, type PrivilegedActionInput } from '../../workflows/messages.ts';
import type { Stack } from '../stack/stack.ts';
import { waitUntilIdle } from './facts.ts';

/** What a test asks for. */
export interface Ask {
  /** A target of the test policy: each stands for one way a request can go. */
  readonly target?: string;
  readonly statement?: string;
  readonly requester?: string;
  readonly action?: string;
  /** Beside the requester and its owner. */
  readonly lineage?: readonly LineageMember[];
  /** Break-glass, or a time to start. */
  readonly extra?: Pick<SignedRequest, 'break_glass' | 'start'>;
}

/** A request as the API would have signed it. */
export interface SignedAsk {
  readonly id: string;
  readonly envelope: string;
  readonly signed: SignedRequest;
}

/** How a decision differs from an approval through the API, signed now, on what is asked now. */
export type DecisionChange = Partial<SignedDecision> & {
  /** A ticket: may be used until then. */
  readonly ticketUntil?: Date;
  /** An account of the second issuer. */
  readonly isSecondIssuer?: boolean;
};

/** The desk of the API without the API: signs with its key, starts workflows, sends signals. Checks nothing. */
export class Desk {
  readonly stack: Stack;
  readonly signer: SigningKey;
  readonly identityKey: Uint8Array;
  readonly sealingKeys: SealingKeys;

  private constructor(stack: Stack, signer: SigningKey, keys: Pick<Desk, 'identityKey' | 'sealingKeys'>) {
    this.stack = stack;
    this.signer = signer;
    this.identityKey = keys.identityKey;
    this.sealingKeys = keys.sealingKeys;
  }

  static async open(stack: Stack): Promise<Desk> {
    const jwk = JSON.parse(await readFile(stack.env['KEYTURN_SIGNING_KEY'] ?? '', 'utf8')) as JWK & {
      kid: string;
    };
    return new Desk(
      stack,
      { kid: jwk.kid, key: (await importJWK(jwk, 'EdDSA', { extractable: true })) as CryptoKey },
      await readWorkerKeys(readWorkerConfiguration(stack.env)),
    );
  }

  /** An account at the issuer that knows the people of the test policy. */
  account(subject: string, isSecondIssuer = false): { issuer: string; subject: string } {
    const { issuer, secondIssuer } = this.stack;
    return { issuer: (isSecondIssuer ? secondIssuer : issuer).url, subject };
  }

  member(role: LineageMember['role'], subject: string): LineageMember {
    return { role, ...this.account(subject) };
  }

  async signRequest(ask: Ask = {}, signer = this.signer): Promise<SignedAsk> {
    const requester = ask.requester ?? 'agent-billing';
    const id = requestId(this.identityKey, this.account(requester), randomUUID());
    const target = ask.target ?? 'shop';
    const action = ask.action ?? 'postgres.execute';
    const args = { statement: ask.statement ?? 'update account set credit_limit = 750 where id = 1001' };
    const signed: SignedRequest = {
      kind: 'request',
      id,
      action,
      schema_version: 1,
      target,
      mode: 'execute',
      arguments: await this.seal(`${id}/arguments`, args),
      claims: null,
      lineage: this.lineageOf(requester, ask.lineage ?? []),
      intent_digest: intentDigest({
        action,
        schema_version: 1,
        target,
        arguments: args,
        mode: 'execute',
      }),
      policy_digest: await this.activePolicy(),
      ...ask.extra,
      issued_at: new Date().toISOString(),
    };
    return { id, signed, envelope: await signEnvelope(signed, signer) };
  }

  private lineageOf(requester: string, further: Lineage): LineageMember[] {
    const owner = requester === 'agent-billing' ? [this.member('owner', 'ada')] : [];
    return [this.member('requester', requester), ...owner, ...further];
  }

  private async activePolicy(): Promise<string> {
    const { rows } = await this.stack.keyturnDb.query<{ digest: string }>(
      'select digest from keyturn.policy_active',
    );
    return rows[0]?.digest ?? '';
  }

  private seal(context: string, value: JsonValue): Promise<string> {
    return seal({ context, value, initializationVector: randomBytes(12) }, this.sealingKeys);
  }

  /** Starts the workflow of a signed request as the API does; `workflowId` only where a forger chooses another. */
  async start(
    { id, envelope }: Pick<SignedAsk, 'id' | 'envelope'>,
    workflowId = id,
  ): Promise<WorkflowHandle> {
    const input: PrivilegedActionInput = {
      asked: {
        action: 'postgres.execute',
        target: 'shop',
        asked_by: 'an agent',
        how_to_decide: 'signal decide with a ticket',
      },
      request: envelope,
    };
    return this.stack.temporal.workflow.start(PRIVILEGED_ACTION, {
      workflowId,
      taskQueue: this.stack.taskQueue,
      args: [input],
    });
  }

  /**
   * Signs and starts a request, and waits until people are asked (or whatever status is given) and its workflow waits.
   * Answers its id.
   */
  async ask(ask: Ask = {}, status: string | readonly string[] = 'pending'): Promise<string> {
    const request = await this.signRequest(ask);
    await this.start(request);
    await this.stack.waitForStatus(request.id, status);
    await waitUntilIdle(this.stack, request.id);
    return request.id;
  }

  /** A signed decision of a person on what is asked now. */
  async decision(id: string, subject: string, change: DecisionChange = {}): Promise<string> {
    return signEnvelope(await this.decisionPayload(id, subject, change), this.signer);
  }

  async decisionPayload(id: string, subject: string, change: DecisionChange = {}): Promise<SignedDecision> {
    const { ticketUntil, isSecondIssuer, ...fields } = change;
    return {
      kind: 'decision',
      id: randomId('dec'),
      request: id,
      decision_digest: String((await this.row(id))['decision_digest']),
      verdict: 'approve',
      reviewer: this.account(subject, isSecondIssuer),
      channel: ticketUntil ? 'temporal' : 'api',
      grade: 'C',
      reason: await this.seal('reason', 'looks right'),
      defer: null,
      issued_at: new Date().toISOString(),
      ticket_expires_at: ticketUntil?.toISOString() ?? null,
      ...fields,
    };
  }

  /** Signs a decision and sends it. Answers the envelope. */
  async decide(id: string, subject: string, change: DecisionChange = {}): Promise<string> {
    const envelope = await this.decision(id, subject, change);
    await this.signal(id, envelope);
    return envelope;
  }

  /** Signs one after the other, then sends all at once. */
  async decideAtOnce(id: string, subjects: readonly string[], change: DecisionChange = {}): Promise<void> {
    const envelopes: string[] = [];
    for (const subject of subjects) envelopes.push(await this.decision(id, subject, change));
    await Promise.all(envelopes.map((envelope) => this.signal(id, envelope)));
  }

  async withdrawal(id: string, subject: string): Promise<string> {
    return signEnvelope(
      {
        kind: 'withdrawal',
        id: randomId('wdr'),
        request: id,
        by: this.account(subject),
        reason: null,
        issued_at: new Date().toISOString(),
      },
      this.signer,
    );
  }

  async signal(id: string, body: unknown, name: 'decide' | 'withdraw' = 'decide'): Promise<void> {
    await this.stack.temporal.workflow.getHandle(id).signal(name, body);
  }

  async row(id: string): Promise<Record<string, unknown>> {
    const { rows } = await this.stack.keyturnDb.query<Record<string, unknown>>(
      'select * from keyturn.request where id = $1',
      [id],
    );
    if (!rows[0]) throw new Error(`There is no request ${id}.`);
    return rows[0];
  }
}

/** An id of a signed thing, such as `dec_…`. */
export function randomId(prefix: string): string {
  return `${prefix}_${base32(randomBytes(17)).slice(0, 26)}`;
}
