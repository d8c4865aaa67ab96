import { expect, it } from 'vitest';

import { parseAs } from '../../apps/api/http/pipes.ts';
import { createBodySchema, listQuerySchema, showQuerySchema } from '../../contract/requests.ts';
import { throwBodySchema } from '../../contract/switches.ts';

const SUBMISSION = { action: 'a', target: 't', arguments: {} };

it.each([
  [createBodySchema, { ...SUBMISSION, foo: 1 }, { path: '/foo', message: 'There is no such field.' }],
  [createBodySchema, { ...SUBMISSION, target: undefined }, { path: '/target', message: 'is missing' }],
  [createBodySchema, { ...SUBMISSION, target: 1 }, { path: '/target', message: 'must be a string' }],
  [
    createBodySchema,
    { ...SUBMISSION, mode: 'x' },
    { path: '/mode', message: 'must be execute or lease or gate' },
  ],
  [createBodySchema, [], { path: '', message: 'must be an object' }],
  [showQuerySchema, { wait: '75' }, { path: '/wait', message: 'must be at most 60' }],
  [showQuerySchema, { wait: 'soon' }, { path: '/wait', message: 'must be whole seconds, 0 to 60' }],
  [
    listQuerySchema,
    { target: 'x'.repeat(201) },
    { path: '/target', message: 'must have at most 200 characters' },
  ],
  [
    throwBodySchema,
    { scope: { kind: 'agent' }, reason: 'why' },
    {
      path: '/scope/value',
      message: 'must be null for the kind `all`, and say what to stop for every other kind',
    },
  ],
])('says in plain words what is wrong: %#', (schema, value, mistake) => {
  const parse = (): unknown => parseAs(schema, value);
  expect(parse).toThrow(
    expect.objectContaining({ facts: { errors: expect.arrayContaining([mistake]) as unknown } }),
  );
});
