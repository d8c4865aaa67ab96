import { describe, expect, it } from 'vitest';

import { parseExpression } from '../../../domain/conditions/engine.ts';

const HINT = '(CEL has &&, ||, ! and ==)';

describe('a condition that cannot be parsed', () => {
  it.each(['a and b', 'a > 1 OR b', 'x = "y"'])('names the operators of CEL: %s', (text) => {
    expect(parseExpression(text)).toMatchObject({ message: expect.stringContaining(HINT) });
  });

  it.each(['a == "x and y" b', '"a = b" >'])('says nothing of operators inside of a text: %s', (text) => {
    expect(parseExpression(text)).toMatchObject({ message: expect.not.stringContaining(HINT) });
  });
});
