export { privilegedAction } from './privileged-action.ts';

// For a stack-trace query that nobody asks here, the SDK takes a trace of every promise: a quarter of a workflow's time.
// Where workflows share a context (a replay), `Error` is frozen and stays as it is.
Reflect.set(Error, 'stackTraceLimit', 0);
