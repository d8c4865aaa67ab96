import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { describeConsole } from '../../journeys/console/browser.ts';
import { waitForShown } from '../../journeys/console/deciding.ts';

/** On another port of the same machine: to a browser the same site, so that cookies come along. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '', 'http://localhost');
  response.writeHead(pathname === '/' ? 200 : 404, { 'content-type': 'text/html' });
  response.end('<!doctype html><title>Elsewhere</title><p>Elsewhere</p>');
});
let elsewhere = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => server.close());

describeConsole('a page of another server, in the browser of somebody who is signed in', (stage) => {
  it('decides nothing and signs nobody out, though the cookie goes along with its forms', async () => {
    const { id, decision_digest: digest } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    const origin = new URL(olga.page.url()).origin;
    const seen: (string | undefined)[] = [];
    const decision = JSON.stringify({ verdict: 'approve', decision_digest: digest });
    // As text, a form can send JSON without asking whether it may.
    const forms = [
      [`${origin}/v1/requests/${id}/decisions`, `${decision.slice(0, -1)},"x":"`, '"}'],
      [`${origin}/sign-out`, 'csrf_token', 'x'],
    ];
    olga.expectRefusal(403);
    for (const [action = '', name = '', value = ''] of forms) {
      await olga.page.goto(elsewhere);
      const answered = olga.page.waitForResponse(action);
      await olga.page.evaluate(`(${submit.toString()})(${JSON.stringify({ action, name, value })})`);
      const answer = await answered;
      await olga.page.waitForURL(action);
      expect(answer.status()).toBe(403);
      seen.push((await answer.request().allHeaders())['cookie']);
    }
    expect(seen).toEqual([expect.stringContaining('keyturn'), expect.stringContaining('keyturn')]);
    await olga.open(`/requests/${id}`);
    await waitForShown(olga.page, 'Approve…');
    expect((await stage.cast.show(stage.cast.olga, id)).status).toBe('pending');
  });

  it('neither frames a page of the console, nor reads an answer of the API', async () => {
    const { id } = await stage.cast.ask();
    const olga = await stage.signIn('olga');
    const origin = new URL(olga.page.url()).origin;
    await olga.page.goto(elsewhere);
    for (const path of ['/inbox', `/requests/${id}`]) {
      await olga.page.evaluate(`(${frame.toString()})(${JSON.stringify(origin + path)})`);
      const framed = olga.page.frames().at(-1);
      expect([path, await framed?.locator('body').innerText()]).toEqual([
        path,
        expect.not.stringMatching(/Inbox|Approve/),
      ]);
    }
    const read = await olga.page.evaluate(
      `fetch(${JSON.stringify(`${origin}/v1/me`)}, { credentials: 'include' }).then((answer) => answer.text(), () => 'refused')`,
    );
    expect(read).toBe('refused');
    expect(olga.takeFaults().join('\n')).toContain('frame-ancestors');
  });
});

interface Sent {
  readonly action: string;
  readonly name: string;
  readonly value: string;
}

/* The following run in the page. */

declare const document: {
  createElement(name: string): Record<string, unknown> & { append(child: unknown): void; submit(): void };
  readonly body: { append(child: unknown): void };
};

function submit({ action, name, value }: Sent): void {
  const [form, field] = [document.createElement('form'), document.createElement('input')];
  const isText = action.endsWith('/decisions');
  Object.assign(form, {
    method: 'post',
    action,
    enctype: isText ? 'text/plain' : 'application/x-www-form-urlencoded',
  });
  Object.assign(field, { name, value });
  form.append(field);
  document.body.append(form);
  form.submit();
}

function frame(url: string): Promise<void> {
  return new Promise((resolve) => {
    const one = document.createElement('iframe');
    Object.assign(one, { src: url, onload: () => resolve() });
    document.body.append(one);
  });
}
