import { expect, it } from 'vitest';

import type { QuestionView } from '../../../contract/questions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { describeConsole, type Stage } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';

async function questionsOf({ cast }: Stage, id: string): Promise<readonly QuestionView[]> {
  const reply = await cast.stack.http<RequestView>({ path: `/v1/requests/${id}`, token: cast.agent });
  return reply.body.questions ?? [];
}

async function answer(stage: Stage, id: string, text: string): Promise<void> {
  const { stack, agent } = stage.cast;
  const [question] = await questionsOf(stage, id);
  const path = `/v1/requests/${id}/questions/${question?.id ?? ''}/answer`;
  const reply = await stack.http({ path, token: agent, body: { answer: text } });
  expect(reply.status).toBe(200);
}

describeConsole('a reviewer who does not understand', (stage) => {
  it.each([{ width: 1280 }, { width: 360, height: 740 }])(
    'asks at %o, and sees the answer of the agent by itself, as its own words',
    async (look) => {
      const { id } = await stage.cast.ask();
      const olga = await stage.signIn('olga', look);
      await olga.open(`/requests/${id}`);
      const section = olga.page.getByRole('region', { name: 'Questions' });
      const field = section.getByRole('textbox', { name: 'Ask those behind the request' });
      await section.getByText('quote none of it').waitFor();
      await section.getByRole('button', { name: 'Ask' }).click();
      await section.getByText('Write your question first.').waitFor();
      await field.fill('Which ticket is this for?');
      // What was typed outlives a reload.
      await olga.page.reload();
      await expect.poll(() => field.inputValue()).toBe('Which ticket is this for?');
      await section.getByRole('button', { name: 'Ask' }).click();
      await section.getByText('Not answered').waitFor();
      await expect.poll(() => field.inputValue()).toBe('');
      await answer(stage, id, 'For <b>4711</b>\u202e');
      await section.getByText('in their own words').waitFor();
      await section.getByText('For <b>4711</b>').waitFor();
      expect(await section.textContent()).not.toContain('\u202e');
      await waitForShown(olga.page, 'Answered a question.');
      expect(await olga.accessibilityFaults()).toEqual([]);
      const isWider = 'document.documentElement.scrollWidth > innerWidth';
      expect(await olga.page.evaluate(isWider)).toBe(false);
    },
  );

  it('is answered by the owner of the agent, on the page of their requests', async () => {
    const { id } = await stage.cast.ask();
    const { stack, olga } = stage.cast;
    const path = `/v1/requests/${id}/questions`;
    expect((await stack.http({ path, token: olga, body: { question: 'Why now?' } })).status).toBe(201);
    const ada = await stage.signIn('ada');
    await ada.open('/mine');
    const item = ada.page.getByRole('listitem').filter({ hasText: 'Why now?' }).first();
    await item.getByText('A person').first().waitFor();
    await item.getByRole('textbox', { name: 'Your answer' }).fill('The audit is tomorrow');
    await item.getByRole('button', { name: 'Answer' }).click();
    await item.getByText('in their own words').waitFor();
    expect(await questionsOf(stage, id)).toMatchObject([{ answer: { text: 'The audit is tomorrow' } }]);
    // Who is behind a request asks nothing about it.
    await ada.open(`/requests/${id}`);
    await waitForShown(ada.page, 'The audit is tomorrow');
    expect(await ada.page.getByRole('textbox', { name: 'Ask those behind the request' }).count()).toBe(0);
  });
});
