import { useQuery } from '@tanstack/react-query';

import type { RequestView } from '../../../contract/requests.ts';
import { get } from '../api/calls.ts';
import { QuestionList } from '../request/questions-view.tsx';
import classes from './mine-page.module.css';

/** What reviewers ask about a request of the person, to be answered where it is read. */
export function OwnQuestions({ id }: { readonly id: string }) {
  const { data: questions = [] } = useQuery({
    queryKey: ['request', id, 'questions'],
    queryFn: ({ signal }) => get<RequestView>(`/v1/requests/${encodeURIComponent(id)}`, {}, signal),
    select: ({ questions: asked }) => asked,
  });
  if (questions.length === 0) return null;
  return (
    <section className={classes.questions} aria-label="Questions">
      <QuestionList id={id} questions={questions} canAnswer />
    </section>
  );
}
