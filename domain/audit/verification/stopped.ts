import { counted } from '../../cards/counted.ts';
import { z } from 'zod';

import { commitment, type Leaf } from '../leaf.ts';
import { CLOCK_TOLERANCE_MS } from '../../calendar/clock-tolerance.ts';
import type { SignedRequest } from '../../crypto/envelope.ts';
import { switchesAgainst, type SwitchScopeKind } from '../../execution/kill-switch.ts';
import { receivedRequestOf } from './envelopes.ts';
import { nameOf, readLeaf, type Material } from './evidence.ts';
import { CLOCKS_APART_MS, notInEvidence, type Finding, type Subject } from './finding.ts';

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

/** An execution that fails before it is claimed names no evaluation that could be repeated. */
function isUnevaluated({ type, facts }: Leaf): boolean {
  if (type === 'execution.failed') return facts['attempt'] === undefined;
  return type === 'request.denied' && facts['by'] === 'policy' && facts['facts_digest'] === undefined;
}

/**
 * The switch that the entry names was engaged then, and stops what was signed. Which agents are the one that it names may
 * not be in the evidence: nothing was evaluated yet, or the account is erased.
 */
function isStopped(subject: Subject, leaf: Leaf): boolean {
  const signed = receivedRequestOf(subject);
  const named = switchesOf(subject).find(({ id }) => id === leaf.facts['switch']);
  return (
    named !== undefined &&
    isOn(named, leaf, -CLOCKS_APART_MS) &&
    signed !== undefined &&
    (named.leaf.facts['kind'] === 'agent' || stops(subject, signed, named) === true)
  );
}

/** A switch as its stream has it. */
interface Switch {
  readonly id: unknown;
  readonly leaf: Leaf;
  readonly released: Leaf | undefined;
}

function switchesOf({ material }: Subject): readonly Switch[] {
  const leaves = (material.evidence.inputs?.switch_entries ?? [])
    .flatMap((text) => readLeaf(text) ?? [])
    .filter(({ stream }) => stream.request === 'switches');
  return leaves
    .filter(({ type }) => type === 'switch.thrown')
    .map((leaf) => {
      const { switch: id } = leaf.facts;
      const released = leaves.find(({ type, facts }) => type === 'switch.lifted' && facts['switch'] === id);
      return { id, leaf, released };
    });
}

/** True from `marginMs` after the switch was engaged to as long before it was released. */
function isOn({ leaf: engaged, released }: Switch, leaf: Leaf, marginMs: number): boolean {
  const atMs = Date.parse(leaf.at);
  return (
    Date.parse(engaged.at) + marginMs <= atMs &&
    (released === undefined || Date.parse(released.at) - marginMs >= atMs)
  );
}

/**
 * Nothing was claimed while a switch was engaged against it: as the stream says, whatever the table of switches says now.
 * Programs whose clocks are further apart neither claim nor engage anything, so within that margin nothing is said.
 */
export function switchesObeyed(subject: Subject): Finding {
  const { inputs } = subject.material.evidence;
  const claims = subject.material.stream.filter(({ type }) => type === 'execution.claimed');
  if (claims.length === 0) return { problems: [], checked: 'never claimed' };
  const signed = receivedRequestOf(subject);
  if (!inputs || !signed) return notInEvidence('which switches were engaged is not in the evidence');
  const engaged = claims.flatMap((claim) =>
    switchesOf(subject)
      .filter((one) => isOn(one, claim, CLOCK_TOLERANCE_MS))
      .map((one) => ({
        name: `${nameOf(claim)} ran while the switch ${String(one.id)}`,
        stops: stops(subject, signed, one),
      })),
  );
  return {
    problems: engaged
      .filter(({ stops: isAgainst }) => isAgainst === true)
      .map(({ name }) => `${name} stopped it`),
    notShown: engaged
      .filter(({ stops: isAgainst }) => isAgainst === null)
      .map(({ name }) => `${name} was engaged: which agent it stops is erased`),
    checked: `${counted(engaged.length, 'engaged switch')}, none against it`,
  };
}

/** Null where what it stops is erased. */
function stops({ material }: Subject, signed: SignedRequest, { leaf }: Switch): boolean | null {
  const { kind, scope } = leaf.facts;
  const isAgent = kind === 'agent';
  const value = isAgent ? partOf(material, leaf, 'scope') : scope;
  if (isAgent && value === undefined) return null;
  const engaged = {
    scope: { kind: kind as SwitchScopeKind, value: typeof value === 'string' ? value : null },
    account: isAgent ? (accountSchema.safeParse(partOf(material, leaf, 'account')).data ?? null) : null,
    lifted_at: null,
  };
  const { action, target, lineage } = signed;
  const agents = (material.evidence.inputs?.facts ?? []).flatMap(({ directory }) => directory.agents);
  return switchesAgainst([engaged], { action, target, lineage, agents }).length > 0;
}

const accountSchema = z.object({ issuer: z.string(), subject: z.string() });

/** A part of an entry as the entry committed to it; undefined where it is erased. */
function partOf({ evidence: { inputs } }: Material, { id, commit }: Leaf, name: string): unknown {
  const found = inputs?.switch_parts.find(({ event_id: event, part }) => event === id && part === name);
  return found && commitment(found.salt, found.body) === commit[name] ? JSON.parse(found.body) : undefined;
}
