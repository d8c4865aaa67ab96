import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';

const AGENT = 'agent-billing';

/**
 * POST /demo/request?key=…: the demo's agent asks for something, so that those who see an empty inbox have a request to look
 * at. The agent calls the API as anybody does, with a token of its own. The key, which `npm start` makes anew each time, is
 * known to the console alone: no other page can have anything asked for.
 */
export async function answerDemoRequest({ request, response, url, key, consoleUrl, tokenOf }) {
  const refuse = (status, words) => {
    response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': 'no-store' });
    response.end(`${words}\n`);
  };
  if (request.method !== 'POST' || !isSame(key, url.searchParams.get('key')))
    return refuse(403, 'This address is for the console of `npm start`.');
  const answer = await fetch(`${consoleUrl}/v1/requests`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await tokenOf(AGENT)}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(demoRequest()),
  });
  const { id, detail = 'The API refused it.' } = await answer.json();
  if (!answer.ok) return refuse(502, detail);
  response.writeHead(303, { location: `${consoleUrl}/requests/${encodeURIComponent(id)}` });
  response.end();
}

/** What the sample's policy asks a database administrator about. */
function demoRequest() {
  const limit = randomInt(40, 100) * 100;
  return {
    action: 'postgres.execute',
    target: 'shop-production',
    arguments: { statement: `update account set credit_limit = ${limit} where id = 1042` },
    claims: { justification: 'Upgrade agreed with the customer, ticket 4711' },
  };
}

function isSame(expected, given) {
  if (!expected || !given || expected.length !== given.length) return false;
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}
