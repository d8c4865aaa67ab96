import { refuseUndocumented } from './documented.ts';

/** One call of the API. */
export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. `body` is parsed where it is JSON, a text otherwise. */
export interface Reply<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Calls an API and reads the whole answer. Throws where that is not what the published document says. */
export async function call<T = Record<string, unknown>>(baseUrl: string, options: Call): Promise<Reply<T>> {
  const hasBody = options.body !== undefined;
  const method = options.method ?? (hasBody ? 'POST' : 'GET');
  const response = await fetch(`${baseUrl}${options.path}`, {
    method,
    headers: {
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    ...(hasBody
      ? { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }
      : {}),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const body: T = isJson ? JSON.parse(text) : text;
  const reply = { status: response.status, headers: response.headers, body };
  refuseUndocumented(method, options.path, reply);
  return reply;
}
