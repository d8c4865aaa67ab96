import path from 'node:path';

import { RequestMethod, type ExecutionContext, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { expect, it } from 'vitest';

import type { CallerDoor } from '../../apps/api/auth/authenticate.ts';
import { DoorGuard } from '../../apps/api/door-guard.ts';
import { Door } from '../../apps/api/http/door.ts';
import type { ProvisionerDoor } from '../../apps/api/scim/provisioner-door.ts';
import { BodyPipe, QueryPipe } from '../../apps/api/http/pipes.ts';
import type { Operation } from '../../contract/operation.ts';
import { OPERATIONS } from '../../contract/operations.ts';
import { filesBelow } from '../docs/documents.ts';

interface Route {
  readonly name: string;
  readonly door: string | undefined;
  readonly pipes: readonly unknown[];
}

const operations = new Map(
  Object.values<Operation>(OPERATIONS).map((operation) => [
    `${operation.method} ${operation.path}`,
    operation,
  ]),
);
const files = filesBelow('apps/api').filter((file) => file.endsWith('.controller.ts'));
const modules = await Promise.all(
  files.map(async (file) => import(path.resolve(file)) as Promise<Record<string, Type>>),
);
const routes = modules.flatMap(Object.values<Type>).flatMap(routesOf);
/** Files that are the same for everybody. */
const CONSOLE = new Set(['get /', 'get /*path', 'get /assets/{name}']);
const published = routes.filter(
  ({ name, door }) => !name.includes(' /scim') && door !== 'browser' && !CONSOLE.has(name),
);

it('every operation has a route, and every route but those of SCIM, pages and the console is an operation', () => {
  expect(published.map(({ name }) => name).toSorted()).toEqual([...operations.keys()].toSorted());
});

it('every route says who gets in: everybody where its operation is public, providers below /scim alone, browsers to pages', () => {
  const wanted = ({ name }: Route): string => {
    const operation = operations.get(name);
    if (CONSOLE.has(name)) return 'none';
    if (!operation) return name.includes(' /scim') ? 'scim' : 'browser';
    return operation.readers === 'anybody' ? 'none' : 'people';
  };
  expect(routes.map(({ name, door }) => `${name}: ${door}`)).toEqual(
    routes.map((route) => `${route.name}: ${wanted(route)}`),
  );
});

it('a route that does not say it lets nobody in', async () => {
  const door = {} as CallerDoor & ProvisionerDoor;
  const guard = new DoorGuard(new Reflector(), door, door);
  const execution = { getHandler: () => () => {}, getClass: () => Object } as unknown as ExecutionContext;
  await expect(guard.canActivate(execution)).rejects.toThrow('no door');
});

it('what a route reads of body and query is what its operation says, and no other', () => {
  for (const { name, pipes } of published) {
    const operation = operations.get(name);
    const ofBody = pipes.filter((pipe) => pipe instanceof BodyPipe);
    const ofQuery = pipes.filter((pipe) => pipe instanceof QueryPipe);
    for (const pipe of [...ofBody, ...ofQuery]) expect(pipe.operation, name).toBe(operation);
    expect(ofQuery, name).toHaveLength(operation?.query ? 1 : 0);
    // Reads its body itself, once it has said whether the caller may propose at all.
    if (name !== 'post /v1/policies') expect(ofBody, name).toHaveLength(operation?.body ? 1 : 0);
  }
});

function routesOf(controller: Type): Route[] {
  const prefix: unknown = Reflect.getMetadata('path', controller);
  if (typeof prefix !== 'string') return [];
  return handlersOf(controller.prototype as object).flatMap(([member, handler]) =>
    [Reflect.getMetadata('path', handler) as string | string[]].flat().map((own) => ({
      name: `${methodOf(handler)} ${addressOf(prefix, own)}`,
      door: new Reflector().getAllAndOverride(Door, [handler as () => void, controller]),
      pipes: Object.values(
        (Reflect.getMetadata('__routeArguments__', controller, member) ?? {}) as Record<
          string,
          { pipes: unknown[] }
        >,
      ).flatMap(({ pipes }) => pipes),
    })),
  );
}

/** Also those of the class that a controller extends. */
function handlersOf(prototype: object | null): [string, object][] {
  if (prototype === null || prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(
    ([member, { value }]): [string, object][] =>
      typeof value === 'function' && Reflect.hasMetadata('method', value) ? [[member, value as object]] : [],
  );
  return [...own, ...handlersOf(Object.getPrototypeOf(prototype) as object | null)];
}

function methodOf(handler: object): string {
  return String(RequestMethod[Number(Reflect.getMetadata('method', handler))]).toLowerCase();
}

function addressOf(prefix: string, own: string): string {
  const joined = `/${prefix}/${own}`.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  return joined.replaceAll(/:(\w+)/g, '{$1}');
}
