import { z } from 'zod';

import { jsonValueSchema } from '../domain/crypto/json.ts';
import { NAMES } from './names.ts';
import { protectedResourceSchema } from './sign-in.ts';
import { keysSchema } from './keys.ts';
import type { Operation } from './operation.ts';

/** GET /openapi.json */
const openApiSchema = z
  .record(z.string(), jsonValueSchema)
  .describe('An OpenAPI 3.1 document')
  .register(NAMES, { id: 'OpenApiDocument' });

/** GET /healthz and GET /readyz */
const healthSchema = z
  .object({
    status: z
      .enum(['ok', 'unavailable', 'draining'])
      .describe('ok; unavailable: a check failed; draining: this process is about to end'),
    checks: z
      .record(z.string(), z.string())
      .optional()
      .describe('For `database` and `temporal`: `ok` or `unreachable`'),
  })
  .describe('How this process is')
  .register(NAMES, { id: 'Health' });

/** What anybody may ask. */
export const SERVICE_OPERATIONS = {
  getKeys: {
    tag: 'Service',
    method: 'get',
    path: '/v1/keys',
    summary: 'Get the public keys that verify what Keyturn signed',
    readers: 'anybody',
    answers: [{ status: 200, description: 'A JSON Web Key Set.', schema: keysSchema }],
  },
  getHealth: {
    tag: 'Service',
    method: 'get',
    path: '/healthz',
    summary: 'Check that the process runs',
    readers: 'anybody',
    answers: [{ status: 200, description: 'It runs.', schema: healthSchema }],
  },
  getReadiness: {
    tag: 'Service',
    method: 'get',
    path: '/readyz',
    summary: 'Check that database and Temporal can be reached',
    readers: 'anybody',
    answers: [
      { status: 200, description: 'Both can be reached.', schema: healthSchema },
      {
        status: 503,
        description: 'One of them cannot be reached, or this process is about to end.',
        schema: healthSchema,
      },
    ],
  },
  getProtectedResource: {
    tag: 'Service',
    method: 'get',
    path: '/.well-known/oauth-protected-resource',
    summary: 'Learn how to get a token (RFC 9728): where people sign in, and as which client',
    readers: 'anybody',
    answers: [{ status: 200, description: 'The metadata.', schema: protectedResourceSchema }],
  },
  getOpenApi: {
    tag: 'Service',
    method: 'get',
    path: '/openapi.json',
    summary: 'Get this document',
    readers: 'anybody',
    answers: [{ status: 200, description: 'An OpenAPI 3.1 document.', schema: openApiSchema }],
  },
  getDocs: {
    tag: 'Service',
    method: 'get',
    path: '/docs',
    summary: 'Get this document as a page for people',
    readers: 'anybody',
    answers: [{ status: 200, description: 'A page of HTML.', mediaType: 'text/html' }],
  },
} as const satisfies Readonly<Record<string, Operation>>;
