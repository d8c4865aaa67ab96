/** Something that holds actions until they are approved: the product, or the floor it is compared with. */
export interface Subject {
  readonly name: string;
  /** Its own processes: not the Temporal server, not the database. */
  readonly pids: readonly number[];
  readonly workerPid: number;
  /** Resolves when the request is durable. Answers its workflow id. */
  create(): Promise<string>;
  /** Resolves when the request waits for people. */
  waitPending(id: string): Promise<void>;
  /** Sends the approval. */
  decide(id: string): Promise<void>;
  /** Resolves when the action was executed. */
  waitExecuted(id: string): Promise<void>;
  stop(): Promise<void>;
}
