import type { PlanRefusal } from '../connector.ts';

/** Raised while a statement is read, analysed or tried; turned into a `PlanRefusal` at the connector's edge. */
export class StatementRefused extends Error {
  readonly code: PlanRefusal['code'];

  constructor(code: PlanRefusal['code'], detail: string) {
    super(detail);
    this.name = 'StatementRefused';
    this.code = code;
  }
}
