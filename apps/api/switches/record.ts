import { randomBytes } from 'node:crypto';

import type { SwitchEntry, SwitchRecord } from '../../../database/kill-switches.ts';
import {
  leafHash,
  leafText,
  personPseudonym,
  pseudonymOf,
  type Leaf,
  type LeafDraft,
  type LeafType,
} from '../../../domain/audit.ts';
import { canonicalJson, type JsonValue } from '../../../domain/canonical-json.ts';
import type { Operator } from './operator.ts';

/** Kill switches are entries of a stream of their own: no request, no workflow. */
const STREAM = { request: 'switches', run: 'switches', namespace: '' } as const;

/** What an entry says. */
export interface SwitchEvent {
  readonly type: LeafType;
  readonly switch: string;
  readonly facts: Readonly<Record<string, JsonValue>>;
  /** Erasable: reasons, names of agents. */
  readonly parts: Readonly<Record<string, JsonValue>>;
}

/** By whom, when, and after which entry. `last` is the newest entry of the stream, held by a lock; null for none. */
export interface SwitchRecording {
  readonly identityKey: Uint8Array;
  readonly operator: Operator;
  readonly at: string;
  readonly last: string | null;
}

/** The entries of one change, each following from the one before, and the names behind their pseudonyms. */
export function recordOf(recording: SwitchRecording, events: readonly SwitchEvent[]): SwitchRecord {
  const { identityKey, operator } = recording;
  const { identity, person } = operator;
  const entries: SwitchEntry[] = [];
  let { last } = recording;
  for (const event of events) {
    const entry = entryOf({ ...recording, last }, event);
    entries.push(entry);
    last = entry.leaf;
  }
  const account = { issuer: identity.issuer, subject: identity.subject };
  return {
    entries,
    subjects: {
      [pseudonymOf(identityKey, identity)]: account,
      [personPseudonym(identityKey, person)]: { person },
    },
  };
}

function entryOf({ identityKey, operator, at, last }: SwitchRecording, event: SwitchEvent): SwitchEntry {
  const salts = Object.fromEntries(
    Object.keys(event.parts).map((part) => [part, randomBytes(16).toString('hex')]),
  );
  const draft: LeafDraft = {
    type: event.type,
    at,
    actor: {
      pseudonym: pseudonymOf(identityKey, operator.identity),
      kind: 'person',
      via: operator.channel,
    },
    intent_digest: null,
    decision_digest: null,
    policy_digest: operator.policyDigest,
    facts: {
      switch: event.switch,
      person: personPseudonym(identityKey, operator.person),
      ...event.facts,
    },
    evidence: { grade: 'C', refs: [] },
    parts: event.parts,
  };
  const n = last === null ? 0 : (JSON.parse(last) as Leaf).n + 1;
  const place = {
    ...STREAM,
    id: `switches/${n}`,
    n,
    prev: last === null ? null : leafHash(last),
    nonce: randomBytes(16).toString('hex'),
    salts,
  };
  const parts = Object.entries(event.parts).map(([part, body]) => [
    part,
    { salt: salts[part] ?? '', body: canonicalJson(body) },
  ]);
  return { leaf: leafText(draft, place), parts: Object.fromEntries(parts) };
}
