import compression from 'compression';

/**
 * What everybody who may have it reads alike. Answers about requests are left as they are: the words of a hostile agent
 * stand beside what others must not know there, and the length of both together, compressed, tells of it to whoever
 * watches the wire (BREACH).
 */
const COMPRESSED = /^\/(?:openapi\.json|docs|v1\/(?:actions|keys|policies\/[^/]+))$/;

/** Compresses with gzip or Brotli what may be. */
export function compress() {
  return compression({
    filter: (request, response) => COMPRESSED.test(request.path) && compression.filter(request, response),
  });
}
