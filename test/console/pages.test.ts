import fs from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';
import { PAGES } from '../journeys/console/pages.ts';

it('every page of the console is looked at in each theme and at each width', () => {
  const routes = fs.readFileSync(path.join(root, 'apps', 'console', 'routes.tsx'), 'utf8');
  const paths = [...routes.matchAll(/^ *path: '(.+)',$/gm)].map(([, found = '']) => found);
  expect(paths).toHaveLength(routes.split('createRoute(').length - 1);
  expect(Object.keys(PAGES).toSorted()).toEqual(paths.toSorted());
});
