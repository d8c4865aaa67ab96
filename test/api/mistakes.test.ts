import { expect, it } from 'vitest';

import { parseAs } from '../../apps/api/http/problems.ts';
import { createBodySchema, listQuerySchema, showQuerySchema } from '../../domain/wire.ts';
import { throwBodySchema } from '../../domain/wire-switches.ts';

const ASKED = { action: 'a', target: 't', arguments: {} };

it.each([
  [createBodySchema, { ...ASKED, foo: 1 }, '/foo', 'There is no such field.'],
  [createBodySchema, { ...ASKED, target: undefined }, '/target', 'is missing'],
  [createBodySchema, { ...ASKED, target: 1 }, '/target', 'must be a text'],
  [createBodySchema, { ...ASKED, mode: 'x' }, '/mode', 'must be execute or lease or gate'],
  [createBodySchema, [], '', 'must be an object'],
  [showQuerySchema, { wait: '75' }, '/wait', 'must be at most 60'],
  [showQuerySchema, { wait: 'soon' }, '/wait', 'must be whole seconds, 0 to 60'],
  [listQuerySchema, { target: 'x'.repeat(201) }, '/target', 'must have at most 200 characters'],
  [
    throwBodySchema,
    { scope: { kind: 'agent' }, reason: 'why' },
    '/scope/value',
    'must be null for the kind `all`, and say what to stop for every other kind',
  ],
])('says in plain words what is wrong: %#', (schema, value, path, message) => {
  const tell = (): unknown => parseAs(schema, value);
  expect(tell).toThrow(
    expect.objectContaining({ facts: { errors: expect.arrayContaining([{ path, message }]) as unknown } }),
  );
});
