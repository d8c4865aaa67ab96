import { isFinal } from '../../domain/request/status.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { Created } from '../../sdk/client.ts';
import { refuseEnded } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { requestLines } from './text/request.ts';
import { visible } from '../../domain/cards/visible.ts';

type Queued = Extract<Created, { kind: 'queued' }>;

/** The request that a call made; a queued one is recorded as soon as a worker picks it up. */
export function requestOf(created: Created): RequestView | Queued {
  return created.kind === 'queued' ? created : created.request;
}

/** Shows a request that was made. Ends the command as the request ended, where it came to nothing. */
export function reportCreated(
  made: RequestView | Queued,
  { json = false }: { readonly json?: boolean },
  terminal: Terminal,
): void {
  const request = 'status' in made ? made : { id: made.id, status: 'planning' as const };
  terminal.out(json ? JSON.stringify(request) : textOf(made));
  if (!json && !isFinal(request.status)) terminal.error(`To follow it: keyturn watch ${visible(made.id)}`);
  refuseEnded(request.status);
}

function textOf(made: RequestView | Queued): string {
  if ('status' in made) return requestLines(made, Date.now()).join('\n');
  return `Request ${visible(made.id)} is accepted and will be planned soon.`;
}
