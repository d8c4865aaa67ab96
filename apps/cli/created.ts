import { isFinal } from '../../domain/request/status.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { Created } from '../../sdk/client.ts';
import { refuseEnded } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { requestLines } from './text/request.ts';
import { visible } from './text/visible.ts';

/** The outcome of a call that makes a request: the request if it is recorded, else where to find it. */
export interface CreatedRequest {
  readonly id: string;
  /** Null: accepted, and recorded as soon as a worker picks it up. */
  readonly request: RequestView | null;
}

/** The request as the call that made it knows it. */
export function createdRequest(created: Created): CreatedRequest {
  if (created.kind === 'queued') return { id: created.id, request: null };
  return { id: created.request.id, request: created.request };
}

/** Shows a request that was made. Ends the command as the request ended, where it came to nothing. */
export function reportCreated(
  { id, request }: CreatedRequest,
  { json = false }: { readonly json?: boolean },
  terminal: Terminal,
): void {
  terminal.out(json ? JSON.stringify(request ?? { id, status: 'planning' }) : textOf(id, request));
  if (!json && !(request && isFinal(request.status)))
    terminal.error(`To follow it: keyturn watch ${visible(id)}`);
  if (request) refuseEnded(request.status);
}

function textOf(id: string, request: RequestView | null): string {
  if (request) return requestLines(request, Date.now()).join('\n');
  return `Request ${visible(id)} is accepted and will be planned soon.`;
}
