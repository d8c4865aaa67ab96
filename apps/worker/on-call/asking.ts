import type { DutyAnswer } from '../../../database/duty.ts';

/** Everybody in a rotation and everybody on duty, by their ids at the service. */
export type NamedPeople = Pick<DutyAnswer, 'members' | 'on_duty'>;

/** A service, asked with its token until the signal ends it. */
export interface Asking {
  readonly base: URL;
  readonly token: string | null;
  readonly signal: AbortSignal;
}
