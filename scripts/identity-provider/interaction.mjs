import { text } from 'node:stream/consumers';
import { peoplePage } from './pages.mjs';

/** Shows the demo people, and signs in the one that was picked. */
export async function answerInteraction({ request, response, provider, directory }) {
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(peoplePage(request.url, directory.people, await hintOf({ request, response, provider })));
    return;
  }
  const picked = new URLSearchParams(await text(request)).get('person');
  const isKnown = directory.people.some(({ subject }) => subject === picked);
  const result = isKnown
    ? { login: { accountId: picked, remember: false } }
    : { error: 'access_denied', error_description: 'nobody was picked' };
  await provider.interactionFinished(request, response, result);
}

/** Whom the sign-in expects, where it says so. An interaction that is over is found out when somebody is picked. */
async function hintOf({ request, response, provider }) {
  const details = await provider.interactionDetails(request, response).catch(() => null);
  return details?.params.login_hint;
}
