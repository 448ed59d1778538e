import { constants, type ServerHttp2Stream } from 'node:http2';
import { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Http2Head } from '../../request/http2.ts';

/**
 * A request of HTTP/2 in the form in which every door takes requests. Its head is for `request/read.ts`; the body streams
 * with backpressure, and giving it up closes the stream, never the connection that other streams share.
 */
export class Http2Request extends IncomingMessage {
  readonly http2: Http2Head;
  /** Of the body. */
  bytesRead = 0;
  readonly #stream: ServerHttp2Stream;

  /** With `isTunnel` what follows the head is left on the stream. */
  constructor(stream: ServerHttp2Stream, socket: TLSSocket, http2: Http2Head, isTunnel = false) {
    super(socket);
    this.#stream = stream;
    this.http2 = http2;
    this.httpVersion = '2.0';
    this.httpVersionMajor = 2;
    this.httpVersionMinor = 0;
    this.rawHeaders = [...http2.rawHeaders];
    // koa-router looks at these two; everybody else asks the facts.
    this.method = pseudo(http2, ':method');
    this.url = pseudo(http2, ':path');
    stream.on('close', this.#onClose);
    if (http2.endStream || isTunnel) {
      this.complete = true;
      this.push(null);
      return;
    }
    stream.on('data', this.#take).on('end', this.#finish);
    // Nothing is read before somebody asks for it.
    stream.pause();
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.complete && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    callback(error);
  }

  readonly #take = (chunk: Buffer): void => {
    this.bytesRead += chunk.length;
    if (!this.push(chunk)) this.#stream.pause();
  };

  readonly #finish = (): void => {
    // A stream that was reset ends as well, without having been whole.
    if (this.#stream.aborted || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    this.complete = true;
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.destroyed) this.destroy();
  };
}

function pseudo({ rawHeaders }: Http2Head, name: string): string {
  const index = rawHeaders.indexOf(name);
  return index < 0 ? '' : (rawHeaders[index + 1] ?? '');
}
