import fs from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { root } from '../../../scripts/servers/root.ts';
import { describeConsole, type Visitor } from './browser.ts';
import { linesOf } from './deciding.ts';

/** The README shows them: nobody waits for a picture. */
const BYTES_MAX = 200_000;

const SUBMISSIONS = [
  {
    target: 'shop-production',
    statement: "update account set status = 'open' where status = 'frozen' and id < 1100",
    claims: { justification: 'Unfreeze the accounts that support has cleared, list in ticket 4702' },
  },
  {
    target: 'shop-ledger',
    statement: "update purchase set status = 'refunded' where id = 31",
    claims: { justification: 'Refund agreed by phone, ticket 4706' },
  },
  {
    target: 'shop-production',
    statement: 'update account set credit_limit = 5000 where id = 1042',
    claims: { justification: 'Upgrade agreed with the customer, ticket 4711', model: 'claude-opus-4' },
  },
];

// Not a test: makes the pictures of the README, with the sample policy and its shop.
describeConsole(
  'pictures of the console',
  (stage) => {
    it('are made of the inbox and of a request', async () => {
      const requests = [];
      for (const ask of SUBMISSIONS) requests.push(await stage.cast.ask(ask));
      const olga = await stage.signIn('olga', { width: 1280, height: 800 });
      await linesOf(olga.page)
        .nth(requests.length - 1)
        .waitFor();
      await keep(olga, 'inbox');
      await olga.open(`/requests/${requests.at(-1)?.id}`);
      await olga.page.getByRole('button', { name: 'Approve…' }).waitFor();
      await keep(olga, 'request');
    });
  },
  { policies: path.join(root, 'policies') },
);

async function keep(visitor: Visitor, name: string): Promise<void> {
  const file = path.join(root, 'docs', 'pictures', `${name}.png`);
  await visitor.picture(file);
  expect(fs.statSync(file).size).toBeLessThanOrEqual(BYTES_MAX);
}
