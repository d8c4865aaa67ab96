import { expect, it } from 'vitest';

import { counted } from '../../../domain/cards/counted.ts';

it.each([
  [0, '0 plans'],
  [1, '1 plan'],
  [2, '2 plans'],
])('%i of something is written as people say it', (count, text) => {
  expect(counted(count, 'plan')).toBe(text);
});
