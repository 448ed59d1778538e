import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { UpstreamTimeouts } from './agents.ts';
import type { Doorstep } from './doorstep.ts';
import { invalidAnswer, upstreamFailure } from './failure.ts';
import type { UpstreamAnswer } from './response-headers.ts';
import { chunks, closeFrame, grouped, pairsOf, writeHead } from './upgrade-wire.ts';
import type { UpgradeHandle, UpgradeJob, UpgradeOutcome } from './upgrade.ts';

/** How long one side may stay open after the other has ended (milliseconds). */
const graceMs = 2_000;

/** One upgrade, from the question to the end of the tunnel. http-proxy asks; what the visitor sees is written here. */
export class Tunnel implements UpgradeHandle {
  readonly done: Promise<UpgradeOutcome>;
  readonly #resolve: (outcome: UpgradeOutcome) => void;
  readonly #job: UpgradeJob;
  readonly #headers: readonly string[];
  readonly #responseHeaders: (answer: UpstreamAnswer) => string[];
  readonly #timeouts: UpstreamTimeouts;
  #outgoing: ClientRequest | null = null;
  #upstream: Duplex | null = null;
  #doorstep: Doorstep | null = null;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  /** The visitor has been written to. */
  #started = false;

  constructor(
    job: UpgradeJob,
    headers: readonly string[],
    responseHeaders: (answer: UpstreamAnswer) => string[],
    timeouts: UpstreamTimeouts,
  ) {
    const { promise, resolve } = Promise.withResolvers<UpgradeOutcome>();
    this.done = promise;
    this.#resolve = resolve;
    this.#job = job;
    this.#headers = headers;
    this.#responseHeaders = responseHeaders;
    this.#timeouts = timeouts;
  }

  /** `ask` has http-proxy send the request (it calls `prepare` on the way); its own words go to the doorstep. */
  start(ask: () => Promise<void>, doorstep: Doorstep): void {
    const { socket } = this.#job;
    this.#doorstep = doorstep;
    // A connection that breaks tells so with `close` as well.
    socket.on('error', () => undefined);
    if (socket.destroyed) {
      this.#finish({ kind: 'client-gone' });
      return;
    }
    socket.on('close', this.#onVisitorClosed);
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, 60_000);
    try {
      ask().catch((cause: unknown) => {
        if (this.#upstream === null) this.#fail(cause);
      });
    } catch (cause) {
      this.#fail(cause);
    }
    const outgoing = this.#outgoing;
    if (outgoing === null || this.#over) return;
    // After http-proxy's own listeners: what they do to the doorstep is done, what they piped is taken back.
    outgoing.once('upgrade', (answer, upstream) => {
      upstream.unpipe(doorstep);
      doorstep.unpipe(upstream);
      doorstep.destroy();
      this.#open(answer, upstream);
    });
    outgoing.once('response', (answer) => this.#relay(answer));
    this.#expect('UND_ERR_CONNECT_TIMEOUT', this.#timeouts.connectMs);
  }

  /** Gives the outgoing request the headers that were decided; called before it is sent. */
  prepare(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    outgoing.on('error', (cause) => this.#fail(cause));
    const firstByte = () => this.#expect('UND_ERR_HEADERS_TIMEOUT', this.#timeouts.firstByteMs);
    outgoing.once('finish', firstByte);
    outgoing.once('response', () => {
      clearTimeout(this.#timer);
      // Then http-proxy leaves the answer's body to us.
      this.#doorstep?.destroy();
    });
    outgoing.method = this.#job.facts.method;
    try {
      for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
      for (const [name, values] of grouped(this.#headers))
        outgoing.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
    } catch (cause) {
      this.#fail(cause);
      outgoing.destroy();
    }
  }

  readonly close = (code = 1001): void => {
    if (this.#over) return;
    const { socket, facts } = this.#job;
    this.#finish({ kind: 'closed' });
    this.#outgoing?.destroy();
    const upstream = this.#upstream;
    if (upstream === null) {
      socket.destroy();
      return;
    }
    // From now on nothing passes, in either direction.
    upstream.unpipe(socket);
    socket.unpipe(upstream);
    upstream.destroy();
    socket.resume();
    socket.end(facts.upgrade[0] === 'websocket' ? closeFrame(code) : undefined);
    destroyLater(socket);
  };

  #expect(code: string, ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#outgoing?.destroy(Object.assign(new Error('the upstream took too long to answer an upgrade'), { code }));
    }, ms);
  }

  #open(answer: IncomingMessage, upstream: Duplex): void {
    clearTimeout(this.#timer);
    const { socket, head, facts, route } = this.#job;
    upstream.on('error', () => undefined);
    if (this.#over) {
      upstream.destroy();
      return;
    }
    const [protocol = ''] = facts.upgrade;
    if (answer.headers.upgrade?.toLowerCase() !== protocol) {
      upstream.destroy();
      this.#fail(invalidAnswer(`changed to a protocol other than ${protocol}`, route.upstream));
      return;
    }
    this.#upstream = upstream;
    this.#started = true;
    const headers = this.#answerHeaders(answer, 101).filter(([name]) => name.toLowerCase() !== 'content-length');
    writeHead(socket, answer, [['Connection', 'Upgrade'], ['Upgrade', answer.headers.upgrade], ...headers]);
    if (head.length > 0) socket.unshift(head);
    upstream.on('close', () => this.#onUpstreamClosed());
    if (protocol === 'websocket') {
      // A WebSocket has no use for half a connection.
      socket.once('end', () => destroyLater(socket));
      upstream.once('end', () => destroyLater(upstream));
    }
    socket.pipe(upstream).pipe(socket);
  }

  /** The upstream's own answer, when it is no 101: its head filtered, its body with its own framing, then the end. */
  #relay(answer: IncomingMessage): void {
    const { socket, route } = this.#job;
    const status = answer.statusCode ?? 0;
    const coding = answer.headers['transfer-encoding']?.toLowerCase();
    if (status < 200 || status > 599 || (coding !== undefined && coding !== 'chunked')) {
      answer.destroy();
      this.#fail(invalidAnswer(`answered an upgrade with status ${status}`, route.upstream));
      return;
    }
    if (this.#over) {
      answer.destroy();
      return;
    }
    this.#started = true;
    const headers = this.#answerHeaders(answer, status);
    const hasBody = status !== 204 && status !== 304 && this.#job.facts.method !== 'HEAD';
    const isChunked = hasBody && answer.headers['content-length'] === undefined;
    if (isChunked) headers.push(['Transfer-Encoding', 'chunked']);
    writeHead(socket, answer, [...headers, ['Connection', 'close']]);
    const finish = (error: Error | null | undefined): void => {
      if (error) this.#fail(error);
      else this.#finish({ kind: 'answered', status });
      // What the visitor still sends was meant for a tunnel that doesn't stand: it is read and dropped.
      socket.resume();
      destroyLater(socket);
    };
    if (isChunked) pipeline(answer, chunks(), socket, finish);
    else pipeline(answer, socket, finish);
  }

  #answerHeaders(answer: IncomingMessage, status: number): [name: string, value: string][] {
    const { facts, route } = this.#job;
    const { rawHeaders } = answer;
    const flat = this.#responseHeaders({ status, rawHeaders, facts, route, setCookies: [], mayTrail: false });
    return [...pairsOf(flat)];
  }

  readonly #onVisitorClosed = (): void => {
    this.#outgoing?.destroy();
    this.#upstream?.destroy();
    this.#finish({ kind: this.#upstream === null ? 'client-gone' : 'tunnelled' });
  };

  #onUpstreamClosed(): void {
    const { socket } = this.#job;
    // Cut off in mid-stream: so is the visitor. Ended: what is under way still arrives.
    if (this.#upstream?.readableEnded !== true) socket.destroy();
    else destroyLater(socket.end());
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    const { socket, route } = this.#job;
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, route.upstream);
    this.#finish({ kind: 'failed', error, responseStarted: this.#started });
    if (this.#started) socket.destroy();
  }

  #finish(outcome: UpgradeOutcome): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#job.socket.off('close', this.#onVisitorClosed);
    this.#resolve(outcome);
  }
}

function destroyLater(stream: Duplex): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), graceMs);
  stream.once('close', () => clearTimeout(timer));
}
