import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';

import { linkSearch } from './accounts/search.ts';
import { inboxSearch } from './inbox/search.ts';
import { returnSearch } from './request/returning.ts';
import { peopleSearch } from './people/search.ts';
import { policySearch } from './policy/search.ts';
import { requestsSearch } from './requests/search.ts';
import { Broken } from './shell/error-boundary.tsx';
import { NothingHere } from './shell/nothing-here.tsx';
import { Shell } from './shell/shell.tsx';

/** Every page, each a file of its own that is loaded when somebody goes there. What is filtered stands in the URL. */
const root = createRootRoute({ component: Shell });

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/inbox', replace: true });
  },
});

const inbox = createRoute({
  getParentRoute: () => root,
  path: '/inbox',
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import('./inbox/inbox-page.tsx'), 'InboxPage'),
});

const requests = createRoute({
  getParentRoute: () => root,
  path: '/requests',
  validateSearch: requestsSearch,
  component: lazyRouteComponent(() => import('./requests/requests-page.tsx'), 'RequestsPage'),
});

const request = createRoute({
  getParentRoute: () => root,
  path: '/requests/$id',
  validateSearch: returnSearch,
  component: lazyRouteComponent(() => import('./request/request-page.tsx'), 'RequestPage'),
});

const mine = createRoute({
  getParentRoute: () => root,
  path: '/mine',
  component: lazyRouteComponent(() => import('./mine/mine-page.tsx'), 'MinePage'),
});

const me = createRoute({
  getParentRoute: () => root,
  path: '/me',
  component: lazyRouteComponent(() => import('./me/me-page.tsx'), 'MePage'),
});

const link = createRoute({
  getParentRoute: () => root,
  path: '/link/$id',
  validateSearch: linkSearch,
  component: lazyRouteComponent(() => import('./accounts/link-page.tsx'), 'LinkPage'),
});

const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyRouteComponent(() => import('./keys/keys-page.tsx'), 'KeysPage'),
});

const switches = createRoute({
  getParentRoute: () => root,
  path: '/switches',
  component: lazyRouteComponent(() => import('./switches/switches-page.tsx'), 'SwitchesPage'),
});

const operations = createRoute({
  getParentRoute: () => root,
  path: '/operations',
  component: lazyRouteComponent(() => import('./operations/operations-page.tsx'), 'OperationsPage'),
});

const policy = createRoute({
  getParentRoute: () => root,
  path: '/policy',
  validateSearch: policySearch,
  component: lazyRouteComponent(() => import('./policy/policy-page.tsx'), 'PolicyPage'),
});

const people = createRoute({
  getParentRoute: () => root,
  path: '/people',
  validateSearch: peopleSearch,
  component: lazyRouteComponent(() => import('./people/people-page.tsx'), 'PeoplePage'),
});

const person = createRoute({
  getParentRoute: () => root,
  path: '/people/$id',
  component: lazyRouteComponent(() => import('./people/person-page.tsx'), 'PersonPage'),
});

const proposals = createRoute({
  getParentRoute: () => root,
  path: '/policy/proposals',
  component: lazyRouteComponent(() => import('./policy/proposals-page.tsx'), 'ProposalsPage'),
});

const proposal = createRoute({
  getParentRoute: () => root,
  path: '/policy/proposals/$digest',
  component: lazyRouteComponent(() => import('./policy/proposal-page.tsx'), 'ProposalPage'),
});

/** The pages by their addresses. */
export function createConsoleRouter() {
  return createRouter({
    routeTree: root.addChildren([
      home,
      inbox,
      requests,
      request,
      mine,
      me,
      link,
      keys,
      switches,
      operations,
      people,
      person,
      policy,
      proposals,
      proposal,
    ]),
    defaultPreload: 'intent',
    defaultErrorComponent: Broken,
    defaultNotFoundComponent: NothingHere,
    scrollRestoration: true,
    // Plain query strings, as the API has them.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const entries = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
      const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
      return text === '' ? '' : `?${text}`;
    },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
