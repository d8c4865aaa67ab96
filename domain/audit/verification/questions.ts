import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/** People ask, each question once; each answer is to one before it, and the only one. */
export function questionsInOrder({ material }: Subject): Finding {
  const open = new Map<unknown, boolean>();
  const entries = material.stream.filter(({ type }) => type.startsWith('question.'));
  const problems = entries.flatMap((leaf) => {
    const fault = faultOf(leaf, open);
    open.set(leaf.facts['question'], leaf.type === 'question.asked');
    return fault === null ? [] : [`${nameOf(leaf)} ${fault}`];
  });
  return { problems, checked: counted(entries.filter(isQuestion).length, 'question') };
}

function faultOf(leaf: Leaf, open: ReadonlyMap<unknown, boolean>): string | null {
  const { question } = leaf.facts;
  if (!isQuestion(leaf)) return open.get(question) === true ? null : 'answers no open question';
  if (leaf.actor.kind !== 'person') return 'was asked by a program';
  return open.has(question) ? 'repeats a question' : null;
}

function isQuestion({ type }: Leaf): boolean {
  return type === 'question.asked';
}
