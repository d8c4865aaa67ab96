import { counted } from '../../cards/counted.ts';
import { viewText } from '../../cards/words.ts';
import type { CompactVerifyGetKey } from 'jose';
import { z } from 'zod';

import { countingType, type Leaf, type LeafType } from '../leaf.ts';
import { canonicalJson } from '../../crypto/canonical-json.ts';
import { sha256 } from '../../crypto/digest.ts';
import {
  openEnvelope,
  type SignedDecision,
  type SignedPayload,
  type SignedRequest,
} from '../../crypto/envelope.ts';
import { isKeyturnError } from '../../errors.ts';
import { nameOf, type DecisionLeaf, type Material } from './evidence.ts';
import { wrongOf, type Finding, type OpenedEnvelope, type Subject } from './finding.ts';

/** Opens every envelope with the keys; one that no key made has no payload. */
export async function openEnvelopes(
  envelopes: readonly string[],
  keys: CompactVerifyGetKey,
): Promise<readonly OpenedEnvelope[]> {
  return Promise.all(
    envelopes.map(async (envelope, index) => ({
      index,
      reference: sha256(envelope),
      payload: await openAny(envelope, keys),
    })),
  );
}

async function openAny(envelope: string, keys: CompactVerifyGetKey): Promise<SignedPayload | null> {
  for (const kind of ['request', 'decision', 'withdrawal'] as const) {
    try {
      return await openEnvelope(kind, envelope, keys);
    } catch (error) {
      if (!isKeyturnError(error)) throw error;
    }
  }
  return null;
}

/** Every envelope carries a signature of the given keys and speaks of this request. */
export function envelopesSigned({ material, envelopes }: Subject): Finding {
  const problems = envelopes.flatMap(({ index, payload }) => {
    if (!payload) return [`envelope ${index} has no valid signature under these keys`];
    const request = payload.kind === 'request' ? payload.id : payload.request;
    return request === material.evidence.request ? [] : [`envelope ${index} was signed for another request`];
  });
  return { problems, checked: counted(envelopes.length, 'signature') };
}

/** Every envelope is named by the entry that records it: none was added afterwards. */
export function envelopesRecorded({ material, envelopes }: Subject): Finding {
  const problems = envelopes.flatMap(({ index, reference, payload }) => {
    const isRecorded = material.entries.some(
      ({ leaf }) => refersTo(leaf, reference) && (payload === null || mayRecord(leaf, payload)),
    );
    return isRecorded ? [] : [`envelope ${index} is in no entry that records such an envelope`];
  });
  return { problems, checked: 'each is named by its entry' };
}

/** Entries that record the signed request: a workflow received it, or it was allowed on the spot. */
const ARRIVALS: ReadonlySet<LeafType> = new Set(['request.received', 'gate.allowed']);

/** The entry that records the signed request. */
export function arrivalOf({ stream }: Material): Leaf | undefined {
  return stream.find(({ type }) => ARRIVALS.has(type));
}

/** True when an entry names an envelope. */
export function refersTo(leaf: Leaf, reference: string): boolean {
  return leaf.evidence?.refs.includes(reference) ?? false;
}

/** True when an entry of this kind is what records such an envelope. */
export function mayRecord(leaf: Leaf, payload: SignedPayload): boolean {
  if (payload.kind === 'request') return ARRIVALS.has(leaf.type);
  if (payload.kind === 'withdrawal') return leaf.type.startsWith('request.withdraw');
  return leaf.type.startsWith('decision.') && leaf.facts['decision'] === payload.id;
}

/** The request that was received is the one that was signed, and every entry speaks of the same intent. */
export function requestSigned({ material, envelopes }: Subject): Finding {
  const received = arrivalOf(material);
  if (!received) return { problems: ['the request was never received'], checked: '' };
  const signed = signedRequestOf(envelopes, received);
  if (!signed)
    return {
      problems: [`the signed request of ${nameOf(received)} is not among the envelopes`],
      checked: '',
    };
  return {
    problems: [
      ...differences(received, signed),
      ...wrongMode(received, signed),
      ...otherOrigin(received, signed),
      ...otherIntents(material, signed),
    ],
    checked: signed.intent_digest,
  };
}

/** The signed request behind the entry that records it, or undefined. */
export function signedRequestOf(
  envelopes: readonly OpenedEnvelope[],
  received: Leaf | undefined,
): SignedRequest | undefined {
  return payloadsOf(envelopes, received).find((payload) => payload.kind === 'request');
}

/** What is signed in the envelopes that an entry names. */
export function payloadsOf(envelopes: readonly OpenedEnvelope[], leaf: Leaf | undefined): SignedPayload[] {
  if (!leaf) return [];
  return envelopes.flatMap(({ reference, payload }) =>
    payload && refersTo(leaf, reference) ? [payload] : [],
  );
}

/** The signed request, or undefined. */
export function arrivedRequestOf({ material, envelopes }: Subject): SignedRequest | undefined {
  return signedRequestOf(envelopes, arrivalOf(material));
}

/** The signed request that a workflow received, or undefined. */
export function receivedRequestOf({ material, envelopes }: Subject): SignedRequest | undefined {
  const received = material.stream.find(({ type }) => type === 'request.received');
  return signedRequestOf(envelopes, received);
}

function differences(received: Leaf, signed: SignedRequest): string[] {
  return (['action', 'schema_version', 'target', 'mode'] as const)
    .filter((fact) => received.facts[fact] !== signed[fact])
    .map((fact) => `${nameOf(received)}: ${fact} is not what was signed`);
}

/** Only who asks for nothing but a decision can be answered on the spot. */
function wrongMode(received: Leaf, signed: SignedRequest): string[] {
  const isWrong = received.type === 'gate.allowed' && signed.mode !== 'gate';
  return isWrong ? [`${nameOf(received)}: the request did not ask for a decision only`] : [];
}

/** Whom the request was received of, and by which policy, where the entry says so: answers on the spot name neither. */
function otherOrigin(received: Leaf, signed: SignedRequest): string[] {
  if (received.type !== 'request.received') return [];
  const roles = rolesSchema.safeParse(received.facts['lineage']);
  const isSame =
    roles.success &&
    roles.data.length === signed.lineage.length &&
    roles.data.every(({ role }, index) => role === signed.lineage[index]?.role);
  return [
    ...(isSame ? [] : [`${nameOf(received)}: the lineage is not what was signed`]),
    ...(received.policy?.digest === signed.policy_digest
      ? []
      : [`${nameOf(received)}: the policy is not what was signed`]),
    ...(received.decision_digest === null ? [] : [`${nameOf(received)} names an earlier decision`]),
  ];
}

const rolesSchema = z.array(z.object({ role: z.string() }));

function otherIntents(material: Material, signed: SignedRequest): string[] {
  return material.stream
    .filter((leaf) => leaf.intent_digest !== signed.intent_digest)
    .map((leaf) => `${nameOf(leaf)} has another intent digest than the signed request`);
}

/** Every counted or deferred decision is backed by an envelope that says the same, and none counts twice. */
export function decisionsSigned({ material, envelopes }: Subject): Finding {
  const seen = new Set<string>();
  const problems = material.decisions.flatMap((decision) => {
    const name = nameOf(decision.leaf);
    if (seen.has(decision.decision)) return [`${name} counts the decision ${decision.decision} again`];
    seen.add(decision.decision);
    const signed = signedDecisionIn(envelopes, decision.leaf);
    if (!signed) return [`${name}: its signed decision is not among the envelopes`];
    return mismatches(decision, signed).map((fact) => `${name}: ${fact} is not what was signed`);
  });
  const shown = material.decisions.map(({ leaf }) => `${nameOf(leaf)} ${shownText(leaf)}`);
  return { problems, checked: [counted(material.decisions.length, 'decision'), ...shown].join('; ') };
}

function shownText({ facts }: Leaf): string {
  return viewText(viewSchema.safeParse(facts['view']).data ?? null);
}

const viewSchema = z.object({ digest: z.string(), opened: z.array(z.string()) });

/** The envelope behind an entry that counts, defers or refuses a decision, or undefined. */
export function signedDecisionIn(
  envelopes: readonly OpenedEnvelope[],
  leaf: Leaf,
): SignedDecision | undefined {
  return payloadsOf(envelopes, leaf)
    .filter((payload) => payload.kind === 'decision')
    .find(({ id }) => id === leaf.facts['decision']);
}

function mismatches(decision: DecisionLeaf, signed: SignedDecision): string[] {
  const isSame = decision.verdict === signed.verdict && decision.takes_back === signed.takes_back;
  return wrongOf([
    ['the verdict', isSame && decision.leaf.type === countingType(signed.verdict)],
    ['the decision digest', decision.leaf.decision_digest === signed.decision_digest],
    ['the channel', decision.channel === signed.channel],
    ['the evidence grade', decision.leaf.evidence?.grade === signed.grade],
    ['the instant', isSignedInstant(decision.at, signed)],
    ['what was shown', isSignedView(decision.leaf, signed)],
  ]);
}

/** True when an entry says of the card that was shown what was signed: nothing where nothing was. */
export function isSignedView({ facts }: Leaf, { view }: SignedDecision): boolean {
  return canonicalJson(facts['view'] ?? null) === canonicalJson(view ?? null);
}

/** A decision counts at its signed time; a ticket may also count at the time of its use, while it is valid. */
function isSignedInstant(at: string, signed: SignedDecision): boolean {
  if (Date.parse(at) === Date.parse(signed.issued_at)) return true;
  return (
    signed.ticket_expires_at !== null &&
    Date.parse(at) > Date.parse(signed.issued_at) &&
    Date.parse(at) < Date.parse(signed.ticket_expires_at)
  );
}
