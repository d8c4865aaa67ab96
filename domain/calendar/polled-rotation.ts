import type { Identity } from '../identity/identity.ts';

/** A rotation that a service outside keeps. Which service that is and where, the deployment says, not the policy. */
export interface PolledRotation {
  readonly id: string;
  /** Name of the service in the settings of the worker. */
  readonly source: string;
  /** Id of the rotation at the service. */
  readonly schedule: string;
  /** After so long without an answer nobody knows who is on call. */
  readonly maximum_staleness_ms: number;
}

/**
 * Bounds of `maximum_staleness_ms`. Never less than the time between two answers that may still count as one span of
 * hearing: inside such a span what is known is never too old.
 */
export const STALENESS_MS = { min: 120_000, max: 86_400_000 } as const;

/** Somebody whom the answers of a service name: from the first that did until the first that did not. */
export interface ObservedPerson extends Identity {
  readonly from: string;
  /** Null while the last answer names them. */
  readonly to: string | null;
}

/** What a service said of a rotation, by the time at which it was heard here. RFC 3339 UTC. */
export interface ObservedRotation {
  readonly source: string;
  readonly schedule: string;
  /** Spans in which one answer followed the other; `to` is when the last of them came. */
  readonly heard: readonly { readonly from: string; readonly to: string }[];
  readonly members: readonly ObservedPerson[];
  readonly on_duty: readonly ObservedPerson[];
}

/** When the service was last heard, at an instant; null for never. An instant inside a span counts itself. */
export function lastHeard(observed: ObservedRotation | undefined, at: string): string | null {
  const atMs = Date.parse(at);
  const begun = (observed?.heard ?? []).filter(({ from }) => Date.parse(from) <= atMs);
  const lastMs = Math.max(...begun.map(({ to }) => Math.min(Date.parse(to), atMs)));
  return begun.length === 0 ? null : new Date(lastMs).toISOString();
}

/** True when at this instant it is known who is on call: the service was heard recently enough. In doubt it was not. */
export function isKnownAt(
  { maximum_staleness_ms: staleness }: PolledRotation,
  observed: ObservedRotation | undefined,
  at: string,
): boolean {
  const heard = lastHeard(observed, at);
  return heard !== null && Date.parse(at) - Date.parse(heard) <= staleness;
}

/** The accounts that were named at an instant, or that the last answer names (null). */
export function accountsAt(people: readonly ObservedPerson[], at: string | null): readonly Identity[] {
  if (at === null) return people.filter(({ to }) => to === null);
  const atMs = Date.parse(at);
  return people.filter(({ from, to }) => Date.parse(from) <= atMs && (to === null || atMs < Date.parse(to)));
}
