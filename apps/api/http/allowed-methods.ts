import type { Request } from 'express';

/** What Express keeps of a route. */
interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** The methods that the URL of a call accepts, in capitals; none where there is no route. */
export function allowedMethods({ app, path }: Request): readonly string[] {
  const layers = (app.router as unknown as { readonly stack: readonly Layer[] }).stack;
  const methods = layers
    .filter((layer) => layer.route && !layer.route.path.includes('*') && layer.match(path))
    .flatMap((layer) => Object.keys(layer.route?.methods ?? {}))
    .flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  return [...new Set(methods)].toSorted();
}
