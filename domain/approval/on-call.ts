import {
  accountsAt,
  isKnownAt,
  lastHeard,
  type ObservedRotation,
  type PolledRotation,
} from '../calendar/polled-rotation.ts';
import { personById, type Directory } from '../identity/directory.ts';
import { isSameIdentity } from '../identity/identity.ts';

/** Rotations that services keep, by the policies of now and of when the request was made, with what was heard of them. */
export interface PolledRotations {
  readonly now: readonly PolledRotation[];
  readonly at_creation: readonly PolledRotation[];
  readonly observed: readonly ObservedRotation[];
  /** When the request was made. */
  readonly created_at: string;
  /** When this was read: what is asked of the present is asked of this instant. */
  readonly read_at: string;
}

/**
 * As if services had said who is on call (ids of people by ids of rotations), and said it ever since an instant. Of a
 * rotation that is left out nothing was heard.
 */
export function supposedOnCall(
  rotations: readonly PolledRotation[],
  {
    onCall,
    directory,
    at,
  }: {
    readonly onCall: Readonly<Record<string, readonly string[]>>;
    readonly directory: Directory;
    readonly at: string;
  },
): PolledRotations {
  const observed = rotations.flatMap(({ id, source, schedule }) => {
    const people = onCall[id];
    if (people === undefined) return [];
    const accounts = people.flatMap((person) => personById(directory, person)?.accounts ?? []);
    const named = accounts.map((account) => ({ ...account, from: at, to: null }));
    return [{ source, schedule, heard: [{ from: at, to: FOR_EVER }], members: named, on_duty: named }];
  });
  return { now: rotations, at_creation: rotations, observed, created_at: at, read_at: at };
}

const FOR_EVER = '9999-12-31T23:59:59.999Z';

/** Rotations that services keep, as selectors are resolved by them. */
export interface PolledScope {
  readonly rotations: readonly PolledRotation[];
  readonly observed: readonly ObservedRotation[];
  /** Its members at this instant are its members here; null: those of the last answer. */
  readonly member_at: string | null;
  /** Where it was not known at this instant who is on call, nobody is. */
  readonly known_at: string;
}

/** Where `oncall:` is resolved for rotations that services keep. */
export interface OnCallScope {
  readonly directory: Directory;
  readonly owners: readonly string[];
  /** Absent where there are none. */
  readonly polled?: PolledScope;
  /** Who is on call at this instant; null: everybody in the rotation. */
  readonly duty_at: string | null;
}

/**
 * The two sides of a check. Now: the members of the rotation by the last answer, if it was known at `at` who is on
 * call. Then: its members when the request was made, if they were known when it was made.
 */
export function polledScopes(
  polled: PolledRotations | undefined,
  at: string,
): { readonly now: Pick<OnCallScope, 'polled'>; readonly atCreation: Pick<OnCallScope, 'polled'> } {
  if (!polled) return { now: {}, atCreation: {} };
  const { now, at_creation, observed, created_at } = polled;
  return {
    now: { polled: { rotations: now, observed, member_at: null, known_at: at } },
    atCreation: {
      polled: { rotations: at_creation, observed, member_at: created_at, known_at: created_at },
    },
  };
}

/**
 * True when the service's answers say that the person is in the rotation, and on duty where that is asked. Its accounts
 * are people's only by a link in the directory; an account that nobody has is nobody's.
 */
export function isOnCallByService(scope: OnCallScope, id: string, person: string): boolean {
  const found = find(scope.polled, id);
  if (!scope.polled || !found || !isKnown(scope.polled, found)) return false;
  const { members = [], on_duty: onCall = [] } = found.observed ?? {};
  const linked = personById(scope.directory, person)?.accounts ?? [];
  const named = [accountsAt(members, scope.polled.member_at)];
  if (scope.duty_at !== null) named.push(accountsAt(onCall, scope.duty_at));
  return named.every((accounts) =>
    accounts.some((account) => linked.some((link) => isSameIdentity(account, link))),
  );
}

/**
 * The rotations behind these selectors, owners spelled out, of which it was not known who is on call. Sorted. One that was
 * never heard was last heard at null.
 */
export function unknownRotations(
  { polled, owners }: Pick<OnCallScope, 'polled' | 'owners'>,
  selectors: readonly string[],
): readonly { readonly id: string; readonly last_heard: string | null }[] {
  if (!polled) return [];
  const selected = selectors.flatMap((selector) => (selector === 'owners' ? owners : [selector]));
  const ids = selected.filter((selector) => selector.startsWith('oncall:'));
  return [...new Set(ids.map((selector) => selector.slice('oncall:'.length)))].sort().flatMap((id) => {
    const found = find(polled, id);
    if (!found || isKnown(polled, found)) return [];
    return [{ id, last_heard: lastHeard(found.observed, polled.known_at) }];
  });
}

interface Found {
  readonly rotation: PolledRotation;
  readonly observed: ObservedRotation | undefined;
}

function find(polled: PolledScope | undefined, id: string): Found | null {
  const rotation = polled?.rotations.find((candidate) => candidate.id === id);
  if (!polled || !rotation) return null;
  const observed = polled.observed.find(
    ({ source, schedule }) => source === rotation.source && schedule === rotation.schedule,
  );
  return { rotation, observed };
}

function isKnown({ known_at }: PolledScope, { rotation, observed }: Found): boolean {
  return isKnownAt(rotation, observed, known_at);
}
