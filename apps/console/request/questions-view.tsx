import { Foreign } from '../shown/foreign.tsx';
import { Ago } from '../shown/instant.tsx';
import classes from './questions-view.module.css';
import { Section } from './section.tsx';
import type { Question, Shown } from './view.ts';
import { WordsForm } from './words-form.tsx';

/** What reviewers asked those behind the request, and what they answered. Nothing waits for it. */
export function QuestionsView({ shown: { request, refusals } }: { readonly shown: Shown }) {
  const questions = request.questions ?? [];
  const canAsk = refusals.ask === null;
  // With questions there, who may ask no more is told why; without, the section says nothing to them.
  if (questions.length === 0 && !canAsk) return null;
  return (
    <Section title="Questions" aside="The clock goes on">
      <QuestionList id={request.id} questions={questions} canAnswer={refusals.answer === null} />
      {canAsk && (
        <WordsForm
          path={`/v1/requests/${encodeURIComponent(request.id)}/questions`}
          id={request.id}
          name="question"
          label="Ask those behind the request"
          description="They read it, programs too, and may not know the plan: quote none of it."
          button="Ask"
          lengthMax={2_000}
        />
      )}
      {refusals.ask?.code === 'too_many_questions' && <p className={classes.quiet}>{refusals.ask.detail}</p>}
    </Section>
  );
}

interface QuestionListProps {
  /** Of the request. */
  readonly id: string;
  readonly questions: readonly Question[];
  readonly canAnswer: boolean;
}

/** Questions with their answers, and a way to answer those that are open. */
export function QuestionList({ id, questions, canAnswer }: QuestionListProps) {
  if (questions.length === 0) return null;
  return (
    <ol className={classes.list}>
      {questions.map((question) => (
        <li key={question.id}>
          <Said said={question} verb="asked" />
          {question.answer && <Said said={question.answer} verb="answered, in their own words" />}
          {question.answer === null && !canAnswer && <p className={classes.quiet}>Not answered</p>}
          {question.answer === null && canAnswer && (
            <WordsForm
              path={`/v1/requests/${encodeURIComponent(id)}/questions/${encodeURIComponent(question.id)}/answer`}
              id={id}
              name="answer"
              draft={question.id}
              label="Your answer"
              description="For reviewers, as your own words. The first answer stands."
              button="Answer"
              lengthMax={4_000}
            />
          )}
        </li>
      ))}
    </ol>
  );
}

/** Words of a person or a program: never a fact, never drawn. */
function Said({
  said: { by, at, text },
  verb,
}: {
  readonly said: Pick<Question, 'by' | 'at' | 'text'>;
  readonly verb: string;
}) {
  return (
    <div className={classes.said} data-verb={verb === 'asked' ? 'asked' : 'answered'}>
      <div className={classes.line}>
        <strong>
          <Foreign text={by.name ?? (by.kind === 'agent' ? 'An agent' : 'A person')} />
        </strong>
        <span className={classes.quiet}>
          {by.kind === 'agent' && 'a program · '}
          {verb} · <Ago at={at} />
        </span>
      </div>
      <blockquote className={classes.words}>
        {text === null ? 'Erased, or its key is gone' : <Foreign text={text} hasLines />}
      </blockquote>
    </div>
  );
}
