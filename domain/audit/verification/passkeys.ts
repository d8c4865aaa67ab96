import { canonicalJson } from '../../crypto/canonical-json.ts';
import type { Leaf } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { StreamState } from '../../../contract/streams.ts';

/**
 * Every passkey of the database was registered by an entry, with this key, of this person and for this page, and is revoked
 * where an entry says so: its own, or that of a recovery. One of a link has an entry of that link before it, which no other
 * came by.
 */
export function passkeysFollow(leaves: readonly Leaf[], { passkeys = [] }: StreamState): string[] {
  const follower = new Follower();
  const problems = leaves.flatMap((leaf) => (follower.follow(leaf) ? [] : [`${nameOf(leaf)} cannot follow`]));
  const { registered, revoked } = follower;
  const others = passkeys.filter((passkey) => {
    const facts = registered.get(passkey.id) ?? {};
    const { credential, public_key, rp_id, origin, row_digest } = passkey;
    const stored = { credential, public_key, rp_id, origin, row_digest };
    const isSame = Object.entries(stored).every(
      ([name, value]) => canonicalJson(facts[name] ?? null) === canonicalJson(value),
    );
    return !isSame || revoked.has(passkey.id) !== passkey.is_revoked;
  });
  const kept = new Set<unknown>(passkeys.map(({ id }) => id));
  return [
    ...problems,
    ...others.map(({ id }) => `the passkey ${id} stands otherwise than its entries say`),
    ...[...registered.keys()]
      .filter((id) => !kept.has(id))
      .map((id) => `the passkey ${String(id)} is registered and is gone`),
  ];
}

/** What the entries come to, one after the other. */
class Follower {
  readonly registered = new Map<unknown, Leaf['facts']>();
  readonly revoked = new Set<unknown>();
  /** Who ever had one. */
  readonly #people = new Set<unknown>();
  /** What each link is for while it is open. */
  readonly #links = new Map<unknown, unknown>();

  /** False for an entry that cannot follow from those before it. */
  follow({ type, facts }: Leaf): boolean {
    if (type === 'passkey.registered') return this.#register(facts);
    if (type === 'passkey.revoked') return this.#revoke(facts['passkey']);
    if (type === 'passkey.link_made') return this.#open(facts);
    return this.#recover(facts);
  }

  #register(facts: Leaf['facts']): boolean {
    const { passkey, link, how, confirmed_by: other } = facts;
    const isNew = !this.registered.has(passkey);
    const isConfirmed = other === null ? !this.#people.has(facts['person']) : this.#isLive(other);
    const isOfRecovery = this.registered.get(other)?.['how'] === 'recovery';
    this.registered.set(passkey, facts);
    this.#people.add(facts['person']);
    // What comes of a recovery counts for what is asked for later, however many passkeys on.
    if (link === null) return isNew && isConfirmed && how === (isOfRecovery ? 'recovery' : 'self');
    const isOpen = this.#links.get(link) === how;
    this.#links.delete(link);
    return isNew && isOpen;
  }

  #revoke(passkey: unknown): boolean {
    const isLive = this.#isLive(passkey);
    this.revoked.add(passkey);
    return isLive;
  }

  #open({ link, kind }: Leaf['facts']): boolean {
    this.#links.set(link, kind === 'recovery' ? WAITS : kind);
    return true;
  }

  #recover({ link, revoked }: Leaf['facts']): boolean {
    const isWaiting = this.#links.get(link) === WAITS;
    this.#links.set(link, 'recovery');
    const each = Array.isArray(revoked) ? revoked.map((passkey) => this.#revoke(passkey)) : [false];
    return isWaiting && each.every(Boolean);
  }

  #isLive(passkey: unknown): boolean {
    return this.registered.has(passkey) && !this.revoked.has(passkey);
  }
}

const WAITS = 'waits for a second operator';
