import { expect, it } from 'vitest';

import { problemsOf, withLine } from './policy-folder.ts';

it.each([
  'env:KEYTURN_DATABASE_URL',
  'env:PATH',
  'env:keyturn_target_shop',
  'env:KEYTURN_TARGET_',
  'file:/run/targets/../secrets/worker.env',
  'file:run/targets/shop',
  'file:///run/targets/shop',
  'file:/run/targets//shop',
  'file:/run/targets/%2e%2e/secrets/worker.env',
])('a target cannot name what is not made for targets: %s', async (reference) => {
  expect(await problemsOf(withLine('targets/shop.yaml', 7, `  url: ${reference}`))).toEqual([
    'targets/shop.yaml:7:8 must be a reference: write env:KEYTURN_TARGET_… or file:/…, secrets stay out of policy files',
  ]);
});

it('nor under a key that does not sound like a secret', async () => {
  expect(await problemsOf(withLine('targets/shop.yaml', 8, '  mirror: Env:KEYTURN_TARGET_SHOP'))).toEqual([
    'targets/shop.yaml:8:11 not a reference of a target: env:KEYTURN_TARGET_… or file:/…',
  ]);
});
