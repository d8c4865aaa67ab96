import type { OnCallAnswer } from '../../../database/on-call.ts';

/** Everybody in a rotation and everybody on call, by their ids at the service. */
export type NamedPeople = Pick<OnCallAnswer, 'members' | 'on_duty'>;

/** A service, asked with its token until the signal ends it. */
export interface ServiceCall {
  readonly base: URL;
  readonly token: string | null;
  readonly signal: AbortSignal;
}
