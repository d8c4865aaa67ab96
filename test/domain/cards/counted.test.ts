import { expect, it } from 'vitest';

import { counted } from '../../../domain/cards/counted.ts';

it.each([
  [0, 'plan', '0 plans'],
  [1, 'plan', '1 plan'],
  [2, 'plan', '2 plans'],
  [1, 'entry', '1 entry'],
  [2, 'entry', '2 entries'],
  [2, 'engaged switch', '2 engaged switches'],
  [2, 'day', '2 days'],
])('%i of %s is written as %s', (count, what, text) => {
  expect(counted(count, what)).toBe(text);
});
