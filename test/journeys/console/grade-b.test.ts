import fs from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { activate, activePolicy, changeRequirement } from '../../workflows/policies.ts';
import { decisionsOf } from '../laws/cast.ts';
import { describeConsole, type Stage } from './browser.ts';
import { reasonOf, waitForShown } from './deciding.ts';

describeConsole('a rule that demands a fresh sign-in', (stage) => {
  it('leads to the provider and back with the typed reason, and anybody with its keys can check the approval', async () => {
    const { stack } = stage.cast;
    const strong = changeRequirement('usual', (requirement) => ({ ...requirement, minimum_grade: 'B' }));
    await activate(stack.keyturnDb, strong(await activePolicy(stack.keyturnDb)));
    const olga = await stage.signIn('olga');
    const { id } = await stage.cast.ask({
      statement: 'update account set credit_limit = 4321 where id = 1201',
    });
    await olga.open(`/requests/${id}`);

    // Nothing is sent of a sign-in that proves nothing.
    const { answerToken } = stack.issuer;
    stack.issuer.answerToken = async (form) => withoutTime(stage, await answerToken(form));
    await approve('Matches the ticket');
    await olga.passProvider('olga');
    const dialog = olga.page.getByRole('dialog');
    await dialog.getByText('does not say when you signed in').waitFor();
    expect(await reasonOf(dialog).inputValue()).toBe('Matches the ticket');
    expect(await decisionsOf(stack, id)).toEqual([]);
    stack.issuer.answerToken = answerToken;

    await dialog.getByRole('button', { name: 'Approve by signing in' }).click();
    await olga.passProvider('olga');
    await dialog.getByText('You have signed in again for exactly this').waitFor();
    expect(await reasonOf(dialog).inputValue()).toBe('Matches the ticket');
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await stack.waitForStatus(id, 'succeeded');
    await waitForShown(olga.page, 'Matches the ticket');
    expect(new URL(olga.page.url()).search).toBe('');
    const counted = await stack.keyturnDb.query(
      'select grade, outcome from keyturn.decision where request = $1',
      [id],
    );
    expect(counted.rows).toEqual([{ grade: 'B', outcome: 'counted' }]);

    expect(await verify(stage, id)).toBe(3);
    expect(await verify(stage, id, '--provider-keys', await pinnedKeys(stage))).toBe(0);

    async function approve(reason: string): Promise<void> {
      await olga.page.getByRole('button', { name: 'Approve…' }).click();
      const opened = olga.page.getByRole('dialog');
      await reasonOf(opened).fill(reason);
      await opened.getByRole('button', { name: 'Approve by signing in' }).click();
    }
  });
});

/** What a provider answers that does not heed `max_age`. */
async function withoutTime({ cast: { stack } }: Stage, answer: object): Promise<object> {
  const { id_token: token = '' } = answer as { readonly id_token?: string };
  const text = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { auth_time: _time, ...claims } = JSON.parse(text) as Record<string, unknown>;
  return { ...answer, id_token: await stack.issuer.sign(claims) };
}

async function verify({ cast: { stack } }: Stage, id: string, ...more: readonly string[]): Promise<number> {
  const token = await stack.issuer.humanToken('petra');
  return (await stack.cli(['verify', id, ...more], { KEYTURN_TOKEN: token })).code;
}

async function pinnedKeys({ cast: { stack } }: Stage): Promise<string> {
  const { keys } = (await (await fetch(`${stack.issuer.url}/jwks`)).json()) as { keys: object[] };
  const file = path.join(stack.folder, 'provider-keys.json');
  const issuer = { issuer: stack.issuer.url, client_id: 'keyturn-console', keys };
  fs.writeFileSync(file, JSON.stringify({ issuers: [issuer] }));
  return file;
}
