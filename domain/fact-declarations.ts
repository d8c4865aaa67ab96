import type { JsonValue } from './canonical-json.ts';

/**
 * How a named fact is made from an argument of a request. `of` names the argument, such as `args.grantee`. What is looked
 * up is known to the server: nothing that the requester says about it counts.
 */
export type FactResolver =
  /** A person or agent of the directory, by id. */
  | { readonly resolver: 'identity'; readonly of: string }
  /** A target of the policy, by id. */
  | { readonly resolver: 'target'; readonly of: string }
  /** A row of a lookup table of the policy, by key. */
  | { readonly resolver: 'table'; readonly of: string; readonly table: string };

/** What a column holds: a kind of value, or one of the listed words. */
export type ColumnType = 'text' | 'integer' | 'flag' | readonly string[];

/** A lookup table of the policy. Every row has every column. */
export interface LookupTable {
  readonly id: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly rows: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
}

/** A fact as it was made, and of what: kept with the other facts, so that it can be told and held against a policy. */
export interface ResolvedFact {
  readonly resolver: FactResolver['resolver'];
  /** The value of the argument. */
  readonly of: string;
  /** As conditions read it. Only `known` where nothing of that name is known. */
  readonly value: Readonly<Record<string, JsonValue>>;
}

/** Facts made from arguments, by name. An argument that is absent, or no text, makes none. */
export type ResolvedFacts = Readonly<Record<string, ResolvedFact>>;
