/** What programs import from the package: the client of the HTTP interface and the guard around functions. */
export {
  KeyturnClient,
  type AwaitOptions,
  type CreateOptions,
  type Created,
  type Decided,
  type KeyedOptions,
  type InboxQuery,
  type ListQuery,
  type ShowOptions,
} from './client.ts';
export type { ChangeEvent, ListenOptions } from './events.ts';
export { guard, KeyturnRefusal, type GuardedAction, type GuardOptions } from './guard.ts';
export { KeyturnProblem } from './problem.ts';
export type { TransportOptions } from './transport.ts';
export type { CreateBody, RequestPage, RequestView } from '../contract/requests.ts';
export type { DecisionBody } from '../contract/decisions.ts';
