import http from 'node:http';
import { text } from 'node:stream/consumers';

/** What a caller sent. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What the server says to it. `body` is sent as it is when it is text. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A real HTTP server with prepared answers. */
export interface AnsweringServer {
  readonly url: string;
  readonly received: Received[];
  stop(): Promise<void>;
}

/** Starts a server on a free port that answers by a function of the call and how many there were before it. */
export async function startServer(
  answer: (call: Received, index: number) => Reply,
): Promise<AnsweringServer> {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    void reply(request, response);
  });
  const reply = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const body = await text(request);
    const call = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    received.push(call);
    const { status, headers, body: answered } = answer(call, received.length - 1);
    const isText = typeof answered === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
    response.end(isText ? answered : JSON.stringify(answered));
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A refusal as the API sends it. */
export function problem(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = { type: `urn:keyturn:error:${code}`, title: 'No', status, code, detail: 'Because.' };
  return { status, body, headers };
}
