import type { ConnectorCall } from '../connector.ts';
import type { Analysis } from './analysis.ts';
import type { KeptSessions } from './kept-sessions.ts';
import type { SqlParser } from './parser-thread.ts';
import type { SessionRequest } from './session.ts';
import type { Statement } from './statement.ts';

/** A statement that was read and analysed, and the call it belongs to. */
export interface PreparedCall extends SessionRequest {
  readonly call: ConnectorCall;
  readonly statement: Statement;
  readonly analysis: Analysis;
  readonly parser: SqlParser;
  readonly kept: KeptSessions;
}
