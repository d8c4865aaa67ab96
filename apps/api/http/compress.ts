import compression from 'compression';

/**
 * Answers that are the same for every reader. Answers about requests are never compressed: they hold text of a possibly
 * hostile agent beside data that others must not know, and the compressed length of both would reveal it to anybody who
 * watches the traffic (BREACH).
 */
const COMPRESSED = /^\/(?:openapi\.json|docs|v1\/(?:actions|keys|policies\/[^/]+))$/;

/** Compresses those with gzip or Brotli. */
export function compress() {
  return compression({
    filter: (request, response) => COMPRESSED.test(request.path) && compression.filter(request, response),
  });
}
