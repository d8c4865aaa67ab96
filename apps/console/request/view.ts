import type { CardAnswer } from '../../../contract/cards.ts';
import type { RequestView } from '../../../contract/requests.ts';

/** What people decide upon: it does not change while its digest stands. */
export type Card = CardAnswer['card'];
/** Parts of a card that a person can have had before them. */
export type SectionName = Exclude<keyof Card, 'kind' | 'decision_digest' | 'salt' | 'cut'>;
export type Effect = NonNullable<Card['effects']>[number];
export type EffectRowView = Effect['rows'][number];
export type Requirement = NonNullable<Card['requirement']>;
export type Rule = Requirement['rules'][number];
export type Stage = Rule['stages'][number];
export type LineageMember = Card['lineage'][number];
export type Decision = NonNullable<RequestView['decisions']>[number];
export type Question = NonNullable<RequestView['questions']>[number];
export type StageProgress = NonNullable<RequestView['progress']>['rules'][number]['stages'][number];

/** What the server would refuse this person now, and why: null where it would not. */
export type Refusals = CardAnswer['refusals'];

/** The page as it was read: what is decided upon, its digest, and how the request stands. */
export interface Shown {
  readonly card: Card;
  readonly viewDigest: string;
  readonly refusals: Refusals;
  /** The weakest evidence with which this person could approve it; null where they cannot. */
  readonly neededGrade: CardAnswer['needed_grade'];
  readonly request: RequestView;
}

export type { RequestView };
