import { expect, it } from 'vitest';

import { BoundedMap, oncePer, remembered } from '../../domain/once-per.ts';

it('makes a thing once for each object, and another one for its like', () => {
  const made: object[] = [];
  const nameOf = oncePer((thing: { readonly name: string }) => {
    made.push(thing);
    return thing.name;
  });
  const [one, like] = [{ name: 'a' }, { name: 'a' }];
  expect([nameOf(one), nameOf(one), nameOf(like)]).toEqual(['a', 'a', 'a']);
  expect(made).toEqual([one, like]);
});

it('makes what a map does not have, null included, and begins anew when the map is full', () => {
  const known = new BoundedMap<string, string | null>(2);
  const made: string[] = [];
  const lookUp = (key: string) =>
    remembered(known, key, () => {
      made.push(key);
      return key === 'none' ? null : key;
    });
  expect(['a', 'none', 'a', 'none'].map(lookUp)).toEqual(['a', null, 'a', null]);
  expect(made).toEqual(['a', 'none']);
  lookUp('b');
  expect([...known.keys()]).toEqual(['b']);
});
