import type { z } from 'zod';

import type { ErrorCode } from '../../../domain/errors.ts';

/** One answer that is not an error. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

/** A header that an operation reads. */
export interface HeaderParameter {
  readonly name: string;
  readonly description: string;
  readonly isRequired?: boolean;
}

/** One operation, as it is published. A test compares the list with the routes that exist. */
export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly isPublic?: boolean;
  readonly headers?: readonly HeaderParameter[];
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answers: readonly Answer[];
  readonly errors?: readonly ErrorCode[];
}
