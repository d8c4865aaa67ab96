import type { SignedPayload } from '../../crypto/envelope.ts';
import type { TrustedProvider } from '../../proof/decision-proof.ts';
import type { Material } from './evidence.ts';

/** An envelope with what it says, or null when no given key made it. */
export interface OpenedEnvelope {
  readonly index: number;
  /** `sha256:…` of the compact text, as entries refer to it. */
  readonly reference: string;
  readonly payload: SignedPayload | null;
}

/** What the checks look at. */
export interface Subject {
  readonly material: Material;
  readonly envelopes: readonly OpenedEnvelope[];
  /** Those that the API kept for the workers, in the order of the evidence. */
  readonly kept: readonly OpenedEnvelope[];
  /** Identity providers that who checks trusts, by the issuer of accounts. */
  readonly providers: ReadonlyMap<string, TrustedProvider>;
  /** When it is checked, by the clock of who checks, RFC 3339 UTC. */
  readonly now: string;
}

/** Clocks of several machines write the streams: so far apart they may be. */
export const CLOCKS_APART_MS = 60_000;

/** The clock of who checks is any computer's. */
export const CHECKER_APART_MS = 300_000;

/** What is wrong with an entry, or why it cannot be said; neither where it is right. */
export interface Answer {
  readonly problem?: string;
  readonly notShown?: string;
}

/** What is found out about several things, each by its name. */
export function found(
  answers: readonly (readonly [name: string, answer: Answer])[],
  colon: ':' | '' = '',
): Required<Pick<Finding, 'problems' | 'notShown'>> {
  return {
    problems: answers.flatMap(([name, { problem }]) =>
      problem === undefined ? [] : [`${name}${colon} ${problem}`],
    ),
    notShown: answers.flatMap(([name, { notShown }]) =>
      notShown === undefined ? [] : [`${name}: ${notShown}`],
    ),
  };
}

/** The names of what is wrong; or, where that is wanted, of what the evidence says nothing of (null). */
export function wrongOf(
  fields: readonly (readonly [name: string, isRight: boolean | null])[],
  wanted: false | null = false,
): string[] {
  return fields.filter(([, isRight]) => isRight === wanted).map(([name]) => name);
}

/** What is found where the evidence lacks what a check looks at. */
export function notInEvidence(what: string): Finding {
  return { problems: [], notShown: [what], checked: '' };
}

/** What a check found: it holds when there are no problems and nothing that it could not see. */
export interface Finding {
  readonly problems: readonly string[];
  /** What the evidence is not enough for: neither right nor wrong can be said of it. */
  readonly notShown?: readonly string[];
  /** What was checked, for a reader, when all is well. */
  readonly checked: string;
}
