import { expect, it } from 'vitest';

import { mayFetchFrom } from '../../configuration/fetching.ts';

it.each([
  ['https://issuer.example/keys', undefined, true],
  ['http://localhost:3300', undefined, true],
  ['http://[::1]:3300', undefined, true],
  ['http://issuer.example', undefined, false],
  ['http://localhost.issuer.example', undefined, false],
  ['http://issuer.example', true, true],
  ['nothing that is an address', undefined, false],
  ['nothing that is an address', true, true],
])('what is fetched from %s, insecurely allowed: %s, is safe: %s', (address, allow, expected) => {
  expect(mayFetchFrom(address, { allow_insecure_http: allow })).toBe(expected);
});
