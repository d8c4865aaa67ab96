import { remembered } from '../domain/once-per.ts';
import { identityKey, type Identity } from '../domain/identity/identity.ts';
import { didYouMean, quote } from './problem.ts';
import type { Fields, Value } from './value.ts';

/** Kinds of names that one file declares and others use. */
export type NameKind =
  | 'account'
  | 'action'
  | 'agent'
  | 'calendar'
  | 'environment'
  | 'external id'
  | 'freeze'
  | 'group'
  | 'issuer alias'
  | 'person'
  | 'resource type'
  | 'rotation'
  | 'rule'
  | 'schedule'
  | 'table'
  | 'target'
  | 'test'
  | 'window';

/** Every name that the folder declares: finds names declared twice and names that nothing declares. */
export class Names {
  readonly #declared = new Map<NameKind, Map<string, string>>();
  readonly #incomplete = new Set<NameKind>();

  /** Some declarations of this kind could not be read: not finding a name proves nothing. */
  markIncomplete(...kinds: readonly NameKind[]): void {
    for (const kind of kinds) this.#incomplete.add(kind);
  }

  /** Declares a name; a second declaration is reported. An empty name stands for one already reported. */
  declare(kind: NameKind, name: string, at: Value): void {
    if (name === '') this.markIncomplete(kind);
    else this.declareOnce(kind, name, { at });
  }

  declareId(kind: NameKind, fields: Fields): string {
    const id = fields.name('id');
    this.declare(kind, id, fields.get('id') ?? fields.value);
    return id;
  }

  /** Declares an account: it belongs to one person or agent, else one could approve the other's requests. */
  declareAccount(account: Identity, at: Value): void {
    if (account.issuer === '' || account.subject === '') return;
    this.declareOnce('account', identityKey(account), { at, shown: account.subject });
  }

  /** Declares what is known by a key; `shown` is what people call it. */
  declareOnce(kind: NameKind, name: string, { at, shown = name }: { at: Value; shown?: string }): void {
    const first = this.#of(kind).get(name);
    if (first === undefined) this.#of(kind).set(name, at.location());
    else at.refuse(`duplicate ${kind} ${quote(shown)} (first at ${first})`);
  }

  /** Declares a name that may be declared more than once. */
  allow(kind: NameKind, name: string): void {
    if (name === '') this.markIncomplete(kind);
    else this.#of(kind).set(name, '');
  }

  /** Reports a name that nothing declares. */
  require(kind: NameKind, name: string, at: Value): void {
    const declared = this.#of(kind);
    if (name === '' || declared.has(name) || this.#incomplete.has(kind)) return;
    at.refuse(`unknown ${kind} ${quote(name)}${didYouMean(name, declared.keys())}`);
  }

  /** Reads a name, and reports it if nothing declares it. */
  read(kind: NameKind, at: Value): string {
    const name = at.text();
    this.require(kind, name, at);
    return name;
  }

  /** False if a name that was not found may be in a file that could not be read. */
  isComplete(kind: NameKind): boolean {
    return !this.#incomplete.has(kind);
  }

  all(kind: NameKind): readonly string[] {
    return [...this.#of(kind).keys()];
  }

  #of(kind: NameKind): Map<string, string> {
    return remembered(this.#declared, kind, () => new Map<string, string>());
  }
}
