import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';

/**
 * A request's body on its way to the upstream, with backpressure. It stands between so that undici, which destroys the body
 * it was given when a request ends early, doesn't destroy the visitor's connection with it: what is left unsent is read
 * and thrown away, and the answer still arrives.
 */
export class Upload extends Readable {
  readonly #request: IncomingMessage;
  readonly #onWanted: () => void;
  #wanted = false;
  #bytesLeft: number;

  /**
   * `onWanted` is called once, when the upstream's connection first asks for bytes. A body of more than `maxBytes` is
   * destroyed with `body-too-large`; null: no limit.
   */
  constructor(request: IncomingMessage, onWanted: () => void, maxBytes: number | null) {
    super({ highWaterMark: 64 * 1024 });
    this.#request = request;
    this.#onWanted = onWanted;
    this.#bytesLeft = maxBytes ?? Infinity;
  }

  override _read(): void {
    if (!this.#wanted) {
      this.#wanted = true;
      this.#onWanted();
      this.#request.on('data', this.#take).on('end', this.#finish).on('close', this.#lose);
    }
    this.#request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Of which nobody asked for a byte may yet go to another target.
    if (this.#wanted) {
      this.#request.off('data', this.#take).off('end', this.#finish).off('close', this.#lose);
      this.#request.resume();
    }
    callback(error);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytesLeft -= chunk.length;
    if (this.#bytesLeft < 0) {
      this.destroy(new GatewayError('body-too-large', 'the request body went over the limit of its route'));
      return;
    }
    if (!this.push(chunk)) this.#request.pause();
  };

  readonly #finish = (): void => {
    this.push(null);
  };

  /** The visitor went away in mid-body: the upstream must not take what it has for the whole. */
  readonly #lose = (): void => {
    if (!this.#request.complete) this.destroy(new Error('the request ended before its body'));
  };
}
