export { privilegedAction } from './privileged-action.ts';
