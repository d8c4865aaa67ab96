import type { PlanRefusal } from '../connector.ts';

/** Raised while a statement is read, analysed or tried; turned into a `PlanRefusal` at the connector's edge. */
export class StatementRefused extends Error {
  readonly code: PlanRefusal['code'];
  /** True where the target is not set up as it must be, whatever the statement says. */
  readonly isBySetUp: boolean;

  constructor(code: PlanRefusal['code'], detail: string, isBySetUp = false) {
    super(detail);
    this.name = 'StatementRefused';
    this.code = code;
    this.isBySetUp = isBySetUp;
  }
}
