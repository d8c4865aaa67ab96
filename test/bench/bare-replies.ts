import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Recorded } from './console-floor.ts';

/**
 * The floor of the console, as a process of its own: bare node:http that answers the bytes that were recorded from the API,
 * and streams of events that know nobody. What is sent to it replaces what it answers.
 */
const replies = new Map<string, Recorded & { readonly body: Buffer }>();
const streams = new Set<ServerResponse>();

process.on('message', (message) => {
  for (const reply of message as readonly Recorded[])
    replies.set(reply.path, { ...reply, body: Buffer.from(reply.base64, 'base64') });
  process.send?.('kept');
});
process.once('disconnect', () => process.exit(0));

const server = createServer((request, response) => {
  request.resume();
  const [plain] = (request.url ?? '').split('?');
  if (plain === '/emit') return emit(response);
  if (plain === '/v1/events') return open(response);
  const reply = replies.get(request.url ?? '');
  if (!reply) return void response.writeHead(404).end();
  response.writeHead(reply.status, reply.headers).end(reply.body);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

function open(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('event: open\nid: 0\ndata: {}\n\n');
  streams.add(response);
  response.once('close', () => streams.delete(response));
}

function emit(response: ServerResponse): void {
  for (const stream of streams) stream.write('event: request.changed\nid: 1\ndata: {}\n\n');
  response.writeHead(204).end();
}
