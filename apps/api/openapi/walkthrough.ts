/** A request from start to end, for authors of a program that makes requests. In the marks of the document's descriptions. */
export const WALKTHROUGH: readonly string[] = [
  'Get an access token of your own from your identity provider, and send it as `Authorization: Bearer …`. Where no provider knows you, your owner makes an API key, which is sent in its place. `GET /v1/me` says who you are here.',
  'Choose an action and a target of `GET /v1/actions`. To follow by events, open `GET /v1/events` first and read afterwards: then no change is lost between the two.',
  'Make an `Idempotency-Key`, keep it where a restart finds it, and call `POST /v1/requests`. After 503, a timeout or a lost connection send the same call with the same key: there is one request.',
  'Wait: `GET /v1/requests/{id}?wait=60&version=N`, where N is the `version` that you read last, until `status` is final. Each answer has the next `version`. `pending` means that people have to decide.',
  'When the target or the policy changes, it is planned again: `round` grows, approvals of earlier rounds do not count, and `status` goes back to `planning`. Go on waiting.',
  '`denied` or `expired`: do not repeat it unchanged. `denied_by` says who denied it, and `failure.code` why where it was no person. Trying again takes a new key.',
  '`failure.code` or an error `switched_off`: a kill switch is engaged. `GET /v1/switches` shows which; send the request again, with a new key, after its release. A request that is `pending` meanwhile stays, but is denied when it is planned again.',
  '`indeterminate`: do not repeat it. A person looks at the target and reports the outcome.',
];
