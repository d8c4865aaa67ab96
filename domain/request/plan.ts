import type { JsonValue } from '../crypto/canonical-json.ts';

/**
 * One row that changes. Values are text as the target prints them; null means the row or value does not exist. Of a value
 * too long to be shown, `{ bytes, sha256 }` stands for it.
 */
export interface RowEffect {
  readonly key: string;
  readonly before: Readonly<Record<string, JsonValue>> | null;
  readonly after: Readonly<Record<string, JsonValue>> | null;
}

/** What makes a change happen: the action itself, or what the target does because of it. */
export type EffectCause = 'statement' | 'function' | 'cascade' | 'trigger';

/** What happens to one resource (for SQL: one table). */
export interface ResourceEffect {
  readonly resource: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Changed columns only. Empty when `is_counts_only`. */
  readonly rows: readonly RowEffect[];
  /** The columns in the resource's own order: objects lose theirs. */
  readonly columns?: readonly string[];
  readonly cause?: EffectCause;
  /** Which part of the changed rows `rows` are, where they are not all. The fingerprint covers all of them. */
  readonly sample?: { readonly of: number; readonly first_key: string; readonly last_key: string };
  /** True where what is inserted and deleted are rows that move between the parts of one table. */
  readonly is_move?: boolean;
  /** How many rows the resource has, where many of them change. */
  readonly rows_before?: number;
  /** Columns whose value is assigned when the action runs (identity, default, now()): shown, not digested. */
  readonly assigned_columns: readonly string[];
  /** Only counted: other rows or values than today's may be hit when the action runs. */
  readonly is_counts_only: boolean;
}

/** How one file of a policy changes. Its author wrote the lines, comments too: nothing but their being the file's is known. */
export interface FileChange {
  readonly file: string;
  /** A unified diff: changed lines with a few around them. */
  readonly diff: string;
}

/** Facts that policy may compute risk from. Made by the server, never by the agent. */
export interface RiskFacts {
  readonly rows_changed: number;
  readonly resources_changed: number;
  readonly is_destructive: boolean;
  readonly is_fully_previewed: boolean;
  readonly is_reversible: boolean;
  /** Only of a change of policy: it may let through what was held back. Where it is not known, it counts as true. */
  readonly is_loosening?: boolean;
}

/** The way back. It is only said to be possible where it was tried out and restored everything. */
export interface Reversal {
  readonly is_possible: boolean;
  readonly how: string;
  /** What undoes it, in this order (for SQL: statements). */
  readonly steps?: readonly string[];
}

/** What the connector says would happen. */
export interface Plan {
  readonly connector: string;
  /** One line for people, made by the server. */
  readonly summary: string;
  /** The exact thing that will run, for people (for SQL: the statement). */
  readonly operation: string;
  readonly effects: readonly ResourceEffect[];
  /** Only of a change of policy: how its YAML files change. */
  readonly files?: readonly FileChange[];
  /** Things a reviewer must know, e.g. what could not be previewed. */
  readonly warnings: readonly string[];
  readonly risk_facts: RiskFacts;
  /** How the action can be undone, or why it cannot. */
  readonly reversal: Reversal;
  /** Digest of the effect, `sha256:` and 64 hex digits: equal exactly when the same would happen. */
  readonly fingerprint: string;
  /** How long the dry run held locks at the target, milliseconds. Not part of any digest. */
  readonly locks_held_ms: number;
  /** At most so many values of sequences has planning used up at the target: they do not come back. */
  readonly sequence_values_used?: number;
}

/** A plan as it is stored and decided on. */
export interface StoredPlan extends Plan {
  /**
   * 16 random bytes, hex. Digests of plans travel where the plan itself must not be known: with the salt in them, nobody
   * can find values of the target out by trying which would give that digest.
   */
  readonly salt: string;
  /** Digest of the target as policy defined it when it was planned: what was approved runs there and nowhere else. */
  readonly target_digest: string;
}
