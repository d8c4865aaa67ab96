import type { ConnectorCode } from '../../../domain/request/connector-codes.ts';

type Code = ConnectorCode<'postgres.execute'>;

/** Raised while a statement is read, analysed or tried; turned into a `PlanRefusal` at the connector's edge. */
export class StatementRefused extends Error {
  readonly code: Code;
  /** True where the target is not set up as it must be, whatever the statement says. */
  readonly isBySetUp: boolean;

  constructor(code: Code, detail: string, isBySetUp = false) {
    super(detail);
    this.name = 'StatementRefused';
    this.code = code;
    this.isBySetUp = isBySetUp;
  }
}

/** The refusal of what no plan could show truthfully. */
export function notPreviewable(detail: string): StatementRefused {
  return new StatementRefused('not_previewable', detail);
}
