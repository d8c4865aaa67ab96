import { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

/**
 * A socket that sends at once all that is written to it in one turn: queries that do not wait for each other's answers
 * share a system call, as they share a round trip. For `stream` of the driver's settings.
 */
export class TurnSocket extends Socket {
  #isHeld = false;

  override write(chunk: Uint8Array | string, written?: Written): boolean;
  override write(chunk: Uint8Array | string, encoding?: BufferEncoding, written?: Written): boolean;
  override write(
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | Written,
    written?: Written,
  ): boolean {
    this.#holdForThisTurn();
    return typeof encoding === 'function'
      ? super.write(chunk, encoding)
      : super.write(chunk, encoding, written);
  }

  #holdForThisTurn(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.cork();
    // Runs when all continuations of this turn have run.
    process.nextTick(() => {
      this.#isHeld = false;
      this.uncork();
    });
  }
}
