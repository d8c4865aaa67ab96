import type { PolicyInWords } from '../../../contract/active-policy.ts';
import type { Stage } from './browser.ts';

/** A page of the console, for journeys that look at every one. */
export interface ConsolePage {
  /** Its address, with requests in it that are there. */
  readonly at: (stage: Stage) => Promise<string>;
  /** Its heading of the first level. */
  readonly heading: string | RegExp;
  /** What stands on it once everything is read; nothing where the heading says enough. */
  readonly shows?: RegExp;
}

/** Every page by its route. A route without an entry fails `test/console/pages.test.ts`, so none escapes those who look. */
export const PAGES: Readonly<Record<string, ConsolePage>> = {
  '/': { at: at('/'), heading: 'Inbox' },
  '/inbox': { at: at('/inbox'), heading: 'Inbox' },
  '/requests': { at: at('/requests'), heading: 'Requests' },
  '/requests/$id': {
    at: async ({ cast }) => {
      const { id } = await cast.ask({
        claims: { justification: 'as agreed', links: ['https://example.com/1'] },
      });
      const question = { question: 'Which ticket is this for?' };
      await cast.post(cast.dmitri, `/v1/requests/${id}/questions`, question);
      return `/requests/${id}`;
    },
    heading: /account/,
    shows: /^as agreed$/,
  },
  '/mine': { at: at('/mine'), heading: 'Your requests' },
  '/me': { at: at('/me'), heading: 'Account', shows: /^this browser$/ },
  // What is wrong with a sign-in stands there; a link that waits is in the journey of accounts.
  '/link/$id': {
    at: at('/link/lnk_aaaaaaaaaaaaaaaaaaaaaaaaaa?fault=taken'),
    heading: 'Link an account',
    shows: /^Back to your accounts$/,
  },
  '/keys': { at: at('/keys'), heading: 'API keys' },
  '/switches': { at: at('/switches'), heading: 'Kill switches' },
  '/operations': { at: at('/operations'), heading: 'Operations' },
  '/people': { at: at('/people'), heading: 'People', shows: /^Olga Petrenko$/ },
  '/people/$id': { at: at('/people/dmitri'), heading: 'Dmitri Sokolov' },
  '/policy': { at: at('/policy'), heading: 'Policy', shows: /^keyturn\.policy\.publish$/ },
  '/policy/proposals': { at: at('/policy/proposals'), heading: 'Proposed policies', shows: /^Newest first$/ },
  '/policy/proposals/$digest': {
    at: async ({ cast }) => {
      const { body } = await cast.get<PolicyInWords>(cast.dmitri, '/v1/policy');
      return `/policy/proposals/${body.digest}`;
    },
    heading: 'Proposed policy',
    shows: /^All that changes$/,
  },
};

function at(path: string): ConsolePage['at'] {
  return async () => path;
}
