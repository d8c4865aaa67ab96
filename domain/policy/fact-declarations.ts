import type { JsonValue } from '../crypto/canonical-json.ts';

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

/**
 * Whom `owners` means in requests for an action whose arguments name what is owned, instead of the owners of the target.
 * `otherwise` is the selector where the argument is absent, or names nothing that is known.
 */
export type OwnersResolver =
  /** The owners of another target of the policy. */
  | { readonly resolver: 'target'; readonly of: string; readonly otherwise: string }
  /** A column of selectors of a lookup table. */
  | {
      readonly resolver: 'table';
      readonly of: string;
      readonly table: string;
      readonly column: string;
      readonly otherwise: string;
    };

/**
 * What the owners of a request are looked up by, from its arguments. It says which argument it was: a policy that asks
 * another one gets no answer from it. Null where the argument is absent, or no name that a policy could hold.
 */
export interface OwnerKey {
  readonly of: string;
  readonly value: string | null;
}

/** What a column holds: a kind of value, or one of the listed words. `selectors` is a list of them, never empty. */
export type ColumnType = 'text' | 'integer' | 'flag' | 'selectors' | readonly string[];

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
  /** Of an identity that would be in the chain, were whom only the caller names proven. */
  readonly is_named?: true;
}

/** Facts made from arguments, by name. An argument that is absent, or no text, makes none. */
export type ResolvedFacts = Readonly<Record<string, ResolvedFact>>;
