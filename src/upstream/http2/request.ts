import { STATUS_CODES } from 'node:http';
import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { fieldsOf, headersOf, withoutPseudo } from './fields.ts';

export interface Http2RequestOptions {
  readonly request: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
  /** Of the upstream. */
  readonly origin: string;
  readonly limits: { readonly firstByteMs: number; readonly idleMs: number };
  /** Sends it on another connection: the peer has not looked at it. */
  readonly again: (request: Http2Request) => void;
  /** Something timed out on this connection. */
  readonly suspect: (session: ClientHttp2Session) => void;
}

/** Several connections may be going away at once. */
const mostRepeats = 3;

/** One request on a stream of HTTP/2, told to undici's handler as undici would tell it, headers and trailers raw. */
export class Http2Request implements Dispatcher.DispatchController {
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  paused = false;
  aborted = false;
  reason: Error | null = null;
  readonly #options: Http2RequestOptions;
  readonly #body: Readable | null;
  #stream: ClientHttp2Stream | null = null;
  #timer: NodeJS.Timeout | undefined;
  #session: ClientHttp2Session | null = null;
  #isUsed = false;
  #repeats = 0;
  #isOver = false;

  constructor(options: Http2RequestOptions) {
    this.#options = options;
    const { body } = options.request;
    this.#body = body instanceof Readable ? body : null;
  }

  /** Tells the handler that it begins, so that it can be given up while it waits for a connection. */
  start(): void {
    this.#expectHead();
    this.#body?.once('error', (error) => this.fail(error));
    this.#options.handler.onRequestStart?.(this, null);
  }

  /** Opens a stream and sends the request. Null when it is over, or could not be sent: then it has failed. */
  send(session: ClientHttp2Session, isUsed: boolean): ClientHttp2Stream | null {
    if (this.#isOver) return null;
    const body = this.#body;
    this.#session = session;
    this.#isUsed = isUsed;
    try {
      const { request, origin } = this.#options;
      const stream = session.request(headersOf(request, origin), { endStream: body === null });
      this.#stream = stream;
      stream.on('response', this.#onResponse).on('headers', this.#onInterim).on('trailers', this.#onTrailers);
      stream.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
      if (body !== null) {
        // Time runs from the end of the body: one that goes on flowing is no silence of the upstream.
        clearTimeout(this.#timer);
        // But an upstream that takes no more of it is silent.
        body.on('pause', this.#expectHead);
        stream.on('drain', this.#expectNothing).once('finish', this.#expectHead);
        body.pipe(stream);
      }
      return stream;
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
      return null;
    }
  }

  /** Gives it up; the handler hears the reason. */
  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
    this.fail(reason);
  }

  pause(): void {
    this.paused = true;
    // The visitor's silence is not the upstream's.
    this.#stream?.pause().setTimeout(0);
  }

  resume(): void {
    this.paused = false;
    this.#stream?.resume();
    this.#watchIdle();
  }

  fail(error: Error): void {
    if (!this.#finish()) return;
    this.#reset();
    this.#options.handler.onResponseError?.(this, error);
  }

  readonly #onInterim = (headers: IncomingHttpHeaders): void => {
    if (!this.#isOver) this.#options.handler.onResponseStart?.(this, Number(headers[':status']), fieldsOf(headers), '');
  };

  readonly #onResponse = (headers: IncomingHttpHeaders, flags: number, raw: string[]): void => {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    const { handler } = this.#options;
    this.rawHeaders = withoutPseudo(raw);
    handler.onResponseStarted?.();
    const status = Number(headers[':status']);
    // HTTP/2 has no reason phrases; a visitor of HTTP/1 gets the usual ones.
    handler.onResponseStart?.(this, status, fieldsOf(headers), STATUS_CODES[status] ?? '');
    if (this.aborted) return;
    // Said at once, so that an answer of a head alone leaves as one too.
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) this.#complete();
    else {
      this.#stream?.on('data', this.#onData);
      if (this.paused) this.#stream?.pause();
      this.#watchIdle();
    }
  };

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#isOver) this.#options.handler.onResponseData?.(this, chunk);
  };

  readonly #onTrailers = (_headers: IncomingHttpHeaders, _flags: number, raw: string[]): void => {
    this.rawTrailers = withoutPseudo(raw);
  };

  readonly #onEnd = (): void => {
    // A stream that was reset ends as well: half an answer must not pass for a whole one.
    if (this.#stream?.rstCode === constants.NGHTTP2_NO_ERROR && this.rawHeaders !== null) this.#complete();
    else this.#break();
  };

  readonly #onError = (error: Error): void => {
    if (!this.#sendAgain()) this.fail(this.#ofConnection(error));
  };

  readonly #onClose = (): void => {
    this.#break();
  };

  #break(): void {
    if (this.#isOver || this.#sendAgain()) return;
    const code = this.#stream?.rstCode ?? 0;
    this.fail(this.#ofConnection(reset(`the upstream broke the answer off (code ${code})`)));
  }

  /**
   * Where the connection itself is gone, and had served before, the request met the end of it: told as undici tells it, so that
   * exchanges send what is safe once more.
   */
  #ofConnection(error: Error): Error {
    if (this.#session?.destroyed !== true) return error;
    return Object.assign(reset('the connection to the upstream was lost'), {
      bytesRead: this.#isUsed ? 1 : 0,
      cause: error,
    });
  }

  /** RFC 9113 §8.7: what was refused was not looked at. A body can't be sent a second time. */
  #sendAgain(): boolean {
    const isRefused = this.#stream?.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const mayRepeat = isRefused && this.#repeats < mostRepeats && this.#body === null && this.rawHeaders === null;
    if (this.#isOver || !mayRepeat) return false;
    this.#repeats += 1;
    this.#stream?.off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onError).on('error', ignore);
    this.#stream = null;
    // A moment later: where one connection goes away, the others say so now.
    setImmediate(this.#options.again, this);
    return true;
  }

  #complete(): void {
    if (!this.#finish()) return;
    const { handler } = this.#options;
    handler.onResponseEnd?.(this, {});
    // Answered before all of the request was read: the rest is not wanted.
    if (this.#body !== null && !this.#body.readableEnded) this.#reset();
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#stream?.setTimeout(0);
    return true;
  }

  #reset(): void {
    const stream = this.#stream;
    if (stream !== null && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    // `close` alone waits for what nobody will read or take any more.
    stream?.destroy();
    this.#body?.destroy();
  }

  readonly #expectHead = (): void => {
    const { firstByteMs } = this.#options.limits;
    clearTimeout(this.#timer);
    if (firstByteMs === 0 || this.#isOver || this.rawHeaders !== null) return;
    this.#timer = setTimeout(() => this.#onSilence('UND_ERR_HEADERS_TIMEOUT'), firstByteMs);
  };

  readonly #expectNothing = (): void => {
    clearTimeout(this.#timer);
  };

  #watchIdle(): void {
    const { idleMs } = this.#options.limits;
    if (idleMs > 0 && !this.#isOver) this.#stream?.setTimeout(idleMs, () => this.#onSilence('UND_ERR_BODY_TIMEOUT'));
  }

  #onSilence(code: string): void {
    if (this.#isOver) return;
    if (this.#session !== null) this.#options.suspect(this.#session);
    this.fail(Object.assign(new Error('the upstream took too long'), { code }));
  }
}

function reset(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

function ignore(): void {
  // It goes on elsewhere.
}
