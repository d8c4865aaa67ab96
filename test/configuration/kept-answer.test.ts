import { expect, it } from 'vitest';

import { keptAnswer } from '../../configuration/kept-answer.ts';

function asked() {
  const state = {
    nowMs: 0,
    questions: [] as { resolve: (answer: number) => void; reject: (error: Error) => void }[],
  };
  const ask = keptAnswer(
    () => new Promise<number>((resolve, reject) => state.questions.push({ resolve, reject })),
    1_000,
    () => state.nowMs,
  );
  return { state, ask };
}

it('is asked once while nobody has answered, however many ask and however long it takes', async () => {
  const { state, ask } = asked();
  const askers = [ask(), ask()];
  state.nowMs = 60_000;
  askers.push(ask());
  state.questions[0]?.resolve(7);
  expect(await Promise.all(askers)).toEqual([7, 7, 7]);
  expect(state.questions).toHaveLength(1);
});

it('is asked again when the answer is too old, counted from when it came', async () => {
  const { state, ask } = asked();
  const first = ask();
  state.nowMs = 5_000;
  state.questions[0]?.resolve(1);
  await first;
  state.nowMs = 5_999;
  expect(await ask()).toBe(1);
  state.nowMs = 6_000;
  const second = ask();
  state.questions[1]?.resolve(2);
  expect(await second).toBe(2);
  expect(state.questions).toHaveLength(2);
});

it('keeps a failure as long as an answer', async () => {
  const { state, ask } = asked();
  const first = ask();
  state.questions[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await expect(ask()).rejects.toThrow('away');
  expect(state.questions).toHaveLength(1);
  state.nowMs = 1_000;
  const second = ask();
  state.questions[1]?.resolve(3);
  expect(await second).toBe(3);
});
