import { createSecretKey, type KeyObject } from 'node:crypto';

const KEY_OBJECTS = new WeakMap<Uint8Array, KeyObject>();

/** Secret bytes as Node's own key, made once for them: Node looks at plain bytes anew in each call, which is dear. */
export function keyObjectOf(bytes: Uint8Array): KeyObject {
  const known = KEY_OBJECTS.get(bytes);
  if (known) return known;
  const made = createSecretKey(bytes);
  KEY_OBJECTS.set(bytes, made);
  return made;
}
