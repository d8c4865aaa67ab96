import { expect, it } from 'vitest';

import { oncePer } from '../../domain/once-per.ts';

it('makes a thing once for each object, and another one for its like', () => {
  const asked: object[] = [];
  const nameOf = oncePer((thing: { readonly name: string }) => {
    asked.push(thing);
    return thing.name;
  });
  const [one, like] = [{ name: 'a' }, { name: 'a' }];
  expect([nameOf(one), nameOf(one), nameOf(like)]).toEqual(['a', 'a', 'a']);
  expect(asked).toEqual([one, like]);
});
