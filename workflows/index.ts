export { privilegedAction } from './privileged-action.ts';
export { sweeper } from './sweeper.ts';
