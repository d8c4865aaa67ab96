import { nextEntry, type Entry } from '../../database/audit-entries.ts';
import type { LockedLog } from '../../database/questions.ts';
import type { SwitchEntry, SwitchRecord } from '../../database/kill-switches.ts';
import { lastLeafOf, type Leaf, type LeafDraft, type LeafType } from '../../domain/audit/leaf.ts';
import { personPseudonym, pseudonymOf } from '../../domain/identity/ids.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { Identity } from '../../domain/identity/identity.ts';

/** A person of the directory who does something that the API records itself. */
export interface RecordedPerson {
  readonly person: string;
  readonly identity: Identity;
  readonly channel: 'api' | 'cli' | 'console';
  readonly policyDigest: string;
}

/** What an entry says. */
export interface RecordedEvent {
  readonly type: LeafType;
  readonly facts: Readonly<Record<string, JsonValue>>;
  /** Erasable: reasons, names of agents. */
  readonly parts: Readonly<Record<string, JsonValue>>;
}

/**
 * By whom, when, and after which entry. `stream` is one of its own: no request, no workflow; `last` is its newest entry,
 * held by a lock, or null for none.
 */
export interface Recording {
  readonly identityKey: Uint8Array;
  readonly stream: string;
  readonly by: RecordedPerson;
  readonly at: string;
  readonly last: string | null;
}

/** The entries of one change, each following from the one before, and the names behind their pseudonyms. */
export function recordOf(recording: Recording, events: readonly RecordedEvent[]): SwitchRecord {
  const { identityKey } = recording;
  const { identity, person } = recording.by;
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

/** The log of a request that has a workflow, held by its lock. */
export interface RequestLog extends LockedLog {
  readonly request: string;
}

/** The entry that the API adds to it by itself. Its id says of which kind it is, so no step of a workflow needs that id. */
export function nextOfRequest(
  { request, run, last: text, now }: RequestLog,
  kind: 'attempt' | 'question',
  draft: Omit<LeafDraft, 'at'>,
): Entry {
  const last = lastLeafOf(text);
  const at = last.at !== null && last.at > now ? last.at : now;
  return nextEntry(
    { ...draft, at },
    {
      id: (n) => `${request}/${run}/${kind}/${n}`,
      request,
      run,
      namespace: text === null ? '' : (JSON.parse(text) as Leaf).temporal.namespace,
      last,
    },
  );
}

/** Now. Times of entries run forward, also where the clocks of two replicas differ. */
export function notBefore(last: string | null): string {
  const now = new Date().toISOString();
  return last !== null && last > now ? last : now;
}

function entryOf({ identityKey, stream, by, at, last }: Recording, event: RecordedEvent): SwitchEntry {
  const draft: LeafDraft = {
    type: event.type,
    at,
    actor: { pseudonym: pseudonymOf(identityKey, by.identity), kind: 'person', via: by.channel },
    intent_digest: null,
    decision_digest: null,
    policy_digest: by.policyDigest,
    facts: { person: personPseudonym(identityKey, by.person), ...event.facts },
    evidence: { grade: 'C', refs: [] },
    parts: event.parts,
  };
  const { text: leaf, parts } = nextEntry(draft, {
    request: stream,
    run: stream,
    namespace: '',
    id: (n) => `${stream}/${n}`,
    last: lastLeafOf(last),
  });
  return { leaf, parts: Object.fromEntries(parts.map(({ part, ...salted }) => [part, salted])) };
}
