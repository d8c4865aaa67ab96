import { CONDITIONS, isSqlError } from './sql-error.ts';

/** Why there is no session at a target. */
export interface ConnectionCause {
  /** For the log, for reviewers and operators: nothing of the URL, which holds the password, and no row of the target. */
  readonly cause: string;
  readonly sqlState?: string;
}

const MESSAGE_CHARACTERS_MAX = 300;

/** States whose messages name roles, databases and objects only. From version 17 on code of the target may run at a login, and fail. */
const NAMING = /^(08|28|3D|53|57P|42501|42704|42P01)/;

/** Why a session could not be opened: in words of the server where these quote no row. */
export function causeOfRefusedSession(error: unknown): ConnectionCause {
  if (!isSqlError(error)) return { cause: networkCause(error) };
  const { code, message } = error;
  const said = NAMING.test(code)
    ? `: ${message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed()}`
    : conditionText(code);
  return { cause: `the server refuses the session${said}`, sqlState: code };
}

/** Why a session ended in the middle. Its message may quote rows, so only its state is given. */
export function causeOfLostSession(error: unknown): ConnectionCause {
  if (!isSqlError(error)) return { cause: networkCause(error) };
  return { cause: `the server ended the session${conditionText(error.code)}`, sqlState: error.code };
}

function conditionText(sqlState: string): string {
  const condition = CONDITIONS[sqlState];
  return condition === undefined ? '' : ` (${condition})`;
}

/** What the codes of sockets and TLS mean for the people who set the target up. */
const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at the host and port of its URL',
  ECONNRESET: 'the other side closed the connection',
  EPIPE: 'the other side closed the connection',
  ENOTFOUND: 'the host name in its URL is not known',
  EAI_AGAIN: 'the name server does not answer for the host name in its URL',
  ETIMEDOUT: 'the host in its URL does not answer',
  EHOSTUNREACH: 'there is no route to the host in its URL',
  ENETUNREACH: 'there is no route to the network of the host in its URL',
  ENOENT: 'a file or socket that its URL names does not exist',
  EACCES: 'a file or socket that its URL names may not be used',
  ERR_INVALID_URL: 'its credential is not a URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE)',
};

function networkCause(error: unknown): string {
  if (!(error instanceof Error)) return 'it does not answer';
  const code = codeOf(error);
  const known = NETWORK[code] ?? NETWORK[firstCode(error)];
  if (known !== undefined) return `${known} (${code || firstCode(error)})`;
  if (/CERT|SIGNATURE|ISSUER|_TLS_|_SSL_|EPROTO/.test(code))
    return `its certificate or TLS is refused (${code})`;
  const said = DRIVER.find(([text]) => text.test(error.message))?.[1];
  // Other texts may hold anything: only their kind is given.
  return said ?? `it does not answer (${code || error.name})`;
}

/** Several addresses of one name fail as one error without a code of its own. */
function firstCode(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? codeOf(first) : '';
}

function codeOf(error: Error): string {
  // A percent sign in a password that begins no escape.
  if (error instanceof URIError) return 'ERR_INVALID_URL';
  return 'code' in error ? String(error.code) : '';
}

/** Messages of the driver, which come without a code. */
const DRIVER: readonly (readonly [said: RegExp, cause: string])[] = [
  [/does not support SSL/, 'its URL requires TLS, which the server does not offer'],
  [
    /^(timeout expired|(Connection terminated due to connection|Query read) timeout)/,
    'it does not answer in time',
  ],
  [/^(Connection terminated|Client has encountered)/, 'the connection ended'],
  [/client password must be a string|SASL/, 'the server asks for a password, and its URL has none'],
];
