import { condition, sleep } from '@temporalio/workflow';

const TURNS = 1e12;

/** Has something to do next, and takes longer than a task may before it comes to that. */
export async function stuck(): Promise<void> {
  const next = Promise.resolve().then(() => sleep(1_000));
  let turns = 0;
  while (turns < TURNS) turns += 1;
  await next;
}

/** Does nothing at all. */
export async function bystander(): Promise<void> {
  await condition(() => false);
}
