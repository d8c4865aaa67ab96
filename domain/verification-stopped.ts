import type { Leaf } from './audit.ts';
import type { SignedRequest } from './envelope.ts';
import { signedRequestOf } from './verification-envelopes.ts';
import { nameOf, readLeaf } from './verification-evidence.ts';
import type { Finding, Subject } from './verification-finding.ts';

/**
 * What ended without facts that policy could be asked with once more: by a kill switch, which an entry must have engaged,
 * or because of somebody deactivated or a target that is gone, which the evidence does not show.
 */
export function refusalsShown(subject: Subject): Finding {
  const refused = subject.material.stream.filter(isUnevaluated);
  const notShown = refused
    .filter((leaf) => leaf.facts['code'] !== 'switched_off' || !isStopped(subject, leaf))
    .map((leaf) => `${nameOf(leaf)}: the evidence does not show why (${JSON.stringify(leaf.facts['code'])})`);
  return { problems: [], notShown, checked: `${refused.length} without an evaluation` };
}

function isUnevaluated({ type, facts }: Leaf): boolean {
  const isRefusal = type === 'request.denied' || type === 'execution.failed';
  return isRefusal && facts['by'] === 'policy' && facts['facts_digest'] === undefined;
}

/** Clocks of several machines write the two streams. */
const CLOCKS_APART_MS = 60_000;

/** The switch that the entry names was engaged then, and stops what was signed. */
function isStopped({ material, envelopes }: Subject, leaf: Leaf): boolean {
  const received = material.stream.find(({ type }) => type === 'request.received');
  const signed = received && signedRequestOf(envelopes, received);
  const named = (material.evidence.inputs?.switch_entries ?? [])
    .flatMap((text) => readLeaf(text, () => undefined) ?? [])
    .filter(({ stream, facts }) => stream.request === 'switches' && facts['switch'] === leaf.facts['switch']);
  const thrown = named.find(({ type }) => type === 'switch.thrown');
  const lifted = named.find(({ type }) => type === 'switch.lifted');
  const atMs = Date.parse(leaf.at);
  const isEngaged =
    thrown !== undefined &&
    Date.parse(thrown.at) <= atMs + CLOCKS_APART_MS &&
    (lifted === undefined || Date.parse(lifted.at) >= atMs - CLOCKS_APART_MS);
  return isEngaged && signed !== undefined && mayStop(thrown, signed);
}

/** Of an agent the entry names no account: that part can be erased. */
function mayStop({ facts: { kind, scope } }: Leaf, { action, target }: SignedRequest): boolean {
  if (kind === 'action') return scope === action;
  return kind === 'target' ? scope === target : kind === 'all' || kind === 'agent';
}
