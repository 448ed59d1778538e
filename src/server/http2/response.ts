import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Http2Request } from './request.ts';
import { http2Headers } from './headers.ts';

type WriteCallback = (error?: Error | null) => void;

/**
 * The answer to a request of HTTP/2 behind the face that every door writes to. Flat raw headers go out as they are, doubles
 * included, less what only HTTP/1 knows. The head waits for the first byte of the body, so that an answer without one is a single
 * frame. `destroy` resets the stream: what was sent can't pass for a whole answer.
 */
export class Http2Response extends ServerResponse {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  #head: { readonly status: number; readonly headers: string[]; readonly mayTrail: boolean } | null = null;
  #trailers: readonly string[] = [];
  #isBodyless = false;
  #isSent = false;
  #hasTrailersToSend = false;

  constructor(request: Http2Request, stream: ServerHttp2Stream) {
    super(request);
    this.#stream = stream;
    this.#isHead = request.method === 'HEAD';
    // Every answer of HTTP/2 tells its end apart from a break, and may have trailers.
    this.chunkedEncoding = true;
    stream.on('drain', this.#onDrain).on('finish', this.#onFinish).on('close', this.#onClose);
    stream.on('wantTrailers', this.#onWantTrailers);
    // A stream that breaks says so with `close` as well.
    stream.on('error', ignore);
  }

  /** For the accessor `headersSent`, which stands on the prototype below. */
  get isHeadSent(): boolean {
    return this.#isSent || this.#head !== null;
  }

  override writeHead(
    status: number,
    reasonOrHeaders?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    const flat = Array.isArray(headers) ? headers : Array.isArray(reasonOrHeaders) ? reasonOrHeaders : [];
    const isEmpty = status === 204 || status === 205 || status === 304;
    this.#isBodyless = this.#isHead || isEmpty;
    const { lines, hasLength } = http2Headers(flat, status === 204 || status === 205);
    this.#head = { status, headers: lines, mayTrail: !hasLength && !this.#isBodyless };
    this.statusCode = status;
    return this;
  }

  override flushHeaders(): void {
    this.#send(false);
  }

  override write(
    chunk: unknown,
    encodingOrCallback?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    this.#send(false);
    if (this.#isBodyless || this.#stream.closed) return true;
    const encoding = typeof encodingOrCallback === 'string' ? encodingOrCallback : undefined;
    const done = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback;
    return encoding === undefined ? this.#stream.write(chunk, done) : this.#stream.write(chunk, encoding, done);
  }

  override end(
    chunkOrCallback?: unknown,
    encodingOrCallback?: BufferEncoding | (() => void),
    callback?: () => void,
  ): this {
    if (this.finished) return this;
    const chunk = typeof chunkOrCallback === 'function' ? undefined : chunkOrCallback;
    const isWhole = chunk === undefined && this.#trailers.length === 0;
    this.#send(isWhole || this.#isBodyless);
    if (chunk !== undefined)
      this.write(chunk, typeof encodingOrCallback === 'string' ? encodingOrCallback : undefined, undefined);
    this.finished = true;
    const done = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback;
    if (done !== undefined) this.once('finish', done);
    if (!this.#stream.writableEnded) this.#stream.end();
    // Node ends the writing side of a HEAD request as soon as it comes.
    else if (this.#stream.writableFinished) queueMicrotask(this.#onFinish);
    return this;
  }

  /** Throws like `writeHead` for what can't be written. */
  override addTrailers(headers: OutgoingHttpHeaders | readonly [string, string][]): void {
    this.#trailers = http2Headers(Array.isArray(headers) ? headers.flat() : [], false).lines;
  }

  override writeContinue(): void {
    this.#interim(100, {});
  }

  override writeProcessing(): void {
    this.#interim(102, {});
  }

  override writeEarlyHints(hints: Record<string, string | string[]>): void {
    this.#interim(103, hints);
  }

  override destroy(): this {
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return this;
  }

  #interim(status: number, headers: Readonly<Record<string, string | string[]>>): void {
    if (this.isHeadSent || this.#stream.closed || this.#stream.destroyed) return;
    this.#stream.additionalHeaders({ ':status': status, ...headers });
  }

  #send(endStream: boolean): void {
    const head = this.#head;
    if (this.#isSent || head === null) return;
    this.#isSent = true;
    if (this.#stream.closed || this.#stream.destroyed) return;
    this.#hasTrailersToSend = head.mayTrail && !endStream;
    try {
      this.#stream.respond([':status', String(head.status), ...head.headers], {
        endStream,
        waitForTrailers: this.#hasTrailersToSend,
      });
    } catch {
      // The session went away in the same moment.
      this.destroy();
    }
  }

  readonly #onWantTrailers = (): void => {
    const trailers: Record<string, string[]> = {};
    for (let index = 0; index + 1 < this.#trailers.length; index += 2)
      (trailers[this.#trailers[index] ?? ''] ??= []).push(this.#trailers[index + 1] ?? '');
    try {
      this.#stream.sendTrailers(trailers);
    } catch {
      // The session went away in the same moment.
      this.destroy();
    }
  };

  readonly #onDrain = (): void => {
    this.emit('drain');
  };

  readonly #onFinish = (): void => {
    if (!this.finished) return;
    this.emit('finish');
    if (!this.#hasTrailersToSend) this.#dropRest();
  };

  /** RFC 9113 §8.1: a whole answer to half a request; the rest of it is not wanted. */
  readonly #dropRest = (): void => {
    if (this.finished && !this.req.complete && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  };

  readonly #onClose = (): void => {
    this.destroyed = true;
    this.emit('close');
  };
}

Object.defineProperty(Http2Response.prototype, 'headersSent', {
  get(this: Http2Response): boolean {
    return this.isHeadSent;
  },
});

function ignore(): void {
  // `close` follows.
}
