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

/** Calls an API and reads the whole answer. */
export async function call<T = Record<string, unknown>>(baseUrl: string, options: Call): Promise<Reply<T>> {
  const hasBody = options.body !== undefined;
  const response = await fetch(`${baseUrl}${options.path}`, {
    method: options.method ?? (hasBody ? 'POST' : 'GET'),
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
  return { status: response.status, headers: response.headers, body };
}
