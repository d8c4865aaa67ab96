import { peoplePageSchema, peopleQuerySchema, personSchema } from './people.ts';
import { REVIEWER_ERRORS, type Operation } from './operation.ts';

/** Who is in the directory, and who says so. */
export const PEOPLE_OPERATIONS = {
  listPeople: {
    tag: 'People',
    method: 'get',
    path: '/v1/people',
    summary: 'List the people of the directory, by id (operators and auditors)',
    readers: 'auditors',
    query: peopleQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: peoplePageSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
  getPerson: {
    tag: 'People',
    method: 'get',
    path: '/v1/people/{id}',
    summary: 'Show what is known of a person, by whom and since when (that person, operators and auditors)',
    readers: 'person',
    answers: [{ status: 200, description: 'The person.', schema: personSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden', 'not_found'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
