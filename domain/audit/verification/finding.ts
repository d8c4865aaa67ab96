import type { SignedPayload } from '../../crypto/envelope.ts';
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
  /** When it is checked, by the clock of who checks, RFC 3339 UTC. */
  readonly now: string;
}

/** What a check found: it holds when there are no problems and nothing that it could not see. */
export interface Finding {
  readonly problems: readonly string[];
  /** What the evidence is not enough for: neither right nor wrong can be said of it. */
  readonly notShown?: readonly string[];
  /** What was checked, for a reader, when all is well. */
  readonly checked: string;
}
