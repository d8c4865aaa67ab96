import type { z } from 'zod';

import type { ErrorCode } from '../domain/errors.ts';

/** Headers of answers beside those that every answer has, by the name of their description in the document. */
export type AnswerHeader = 'ETag' | 'Location';

/** One answer that is not an error. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
  readonly headers?: readonly AnswerHeader[];
}

/** A header that an operation reads. */
export interface HeaderParameter {
  readonly name: string;
  readonly description: string;
  readonly isRequired?: boolean;
  readonly lengthMax?: number;
}

/** What operations are grouped by, in the order of the document. */
export const TAGS = {
  Requests: 'Ask for privileged actions and follow them.',
  Decisions: 'Approve, deny or defer. For people.',
  'Kill switches': 'Stop agents, actions and targets at once. For operators.',
  Policies: 'Propose and read policies. For people.',
  Sessions: 'Of people who sign in with a browser.',
  Accounts: 'That people sign in with, and how they link further ones.',
  Passkeys: 'Of people, and the links by which operators let them register one.',
  'API keys': 'Of agents without an issuer. For their owners and for operators.',
  People: 'Who is in the directory, and who says so.',
  'Audit log': 'Entries about what governs everybody. For operators and auditors.',
  Service: 'Health, keys and this document. Most of it needs no token.',
} as const;

/** Who may read what an operation answers. */
export const READERS = {
  anybody: 'Everybody, without a token.',
  caller: 'The account that calls, about itself and what it sends.',
  request:
    'Of each request what its reader may see. Its reviewers, who decided, operators and auditors: all of it. Those behind it: status, requirement and expiry, and its plan once it was approved. Other people of the directory: how it stands. Programs: requests of their own, and by selectors alone who may decide.',
  directory: 'People and agents of the directory.',
  people: 'People of the directory who signed in themselves.',
  person: 'The person herself, operators and auditors.',
  owners: 'The owner of the agent, operators and auditors.',
  operators: 'Operators.',
  auditors: 'Operators and auditors.',
} as const;

/** One operation. A test compares the list with the routes that exist. */
export interface Operation {
  readonly tag: keyof typeof TAGS;
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly readers: keyof typeof READERS;
  /** People call it in the session of a browser alone: any token of theirs is refused (`sign_in_again`). */
  readonly isForSessions?: boolean;
  readonly headers?: readonly HeaderParameter[];
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly isBodyOptional?: boolean;
  readonly answers: readonly Answer[];
  /** Refusals beside those that every operation of its kind may answer. */
  readonly errors?: readonly ErrorCode[];
}

/** What the body and the query of an operation are read as. */
export type BodyOf<Of extends { readonly body: z.ZodType }> = z.output<Of['body']>;
export type QueryOf<Of extends { readonly query: z.ZodType }> = z.output<Of['query']>;

/** The header of a call that may be repeated when it is not known whether it arrived. */
export const REPEATABLE: HeaderParameter = {
  name: 'Idempotency-Key',
  description:
    '1 to 256 characters of UTF-8. The same call again with the same key has no second effect: it answers the outcome of the first. Without a key a repeat is another call.',
  lengthMax: 256,
};

/** Why a caller who has to be a person of the directory is refused. */
export const REVIEWER_ERRORS = ['machine_cannot_decide', 'reviewer_unknown', 'reviewer_inactive'] as const;

/** Why a caller is refused who has to be one with the session of a browser. */
export const SESSION_ERRORS = [...REVIEWER_ERRORS, 'sign_in_again'] as const;

/** What may be wrong with it. */
export const REPEATED: readonly ErrorCode[] = [
  'idempotency_key_missing',
  'idempotency_key_invalid',
  'idempotency_key_reused',
];
