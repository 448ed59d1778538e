import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { UpstreamTarget, UpstreamTimeouts } from '../route/upstream/config.ts';
import type { Doorstep } from './doorstep.ts';
import { invalidAnswer, upstreamFailure } from './failure.ts';
import { destroyLater, join } from './join.ts';
import type { Joint } from './join.ts';
import type { UpstreamAnswer } from './response-headers.ts';
import { chunks, grouped, pairsOf, writeHead } from './upgrade-wire.ts';
import type { UpgradeHandle, UpgradeJob, UpgradeOutcome } from './upgrade.ts';

/** What is needed until the answer is there. A tunnel may stand for days and must hold on to none of it. */
export interface Question {
  readonly job: UpgradeJob;
  /** Flat raw headers for the upstream. */
  readonly headers: readonly string[];
  readonly responseHeaders: (answer: UpstreamAnswer) => string[];
  readonly target: UpstreamTarget;
  readonly timeouts: UpstreamTimeouts;
}

/** One upgrade, from the question to the end of the tunnel. http-proxy asks; what the visitor sees is written here. */
export class Tunnel implements UpgradeHandle {
  readonly done: Promise<UpgradeOutcome>;
  readonly #resolve: (outcome: UpgradeOutcome) => void;
  readonly #socket: Duplex;
  readonly #target: UpstreamTarget;
  #question: Question | null;
  #doorstep: Doorstep | null = null;
  #ownEnds: ReturnType<Duplex['listeners']> = [];
  #outgoing: ClientRequest | null = null;
  #timer: NodeJS.Timeout | undefined;
  #joint: Joint | null = null;
  #over = false;
  /** The visitor has been written to. */
  #started = false;

  constructor(question: Question) {
    const { promise, resolve } = Promise.withResolvers<UpgradeOutcome>();
    this.done = promise;
    this.#resolve = resolve;
    this.#socket = question.job.socket;
    this.#target = question.target;
    this.#question = question;
  }

  /** `ask` has http-proxy send the request (it calls `prepare` on the way); its own words go to the doorstep. */
  start(ask: () => Promise<void>, doorstep: Doorstep): void {
    const socket = this.#socket;
    this.#doorstep = doorstep;
    // A connection that breaks tells so with `close` as well.
    socket.on('error', ignore);
    if (socket.destroyed) {
      this.#finish({ kind: 'client-gone' });
      return;
    }
    socket.on('close', this.#onVisitorClosed);
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, 60_000);
    try {
      ask().catch((cause: unknown) => {
        if (this.#joint === null) this.#fail(cause);
      });
    } catch (cause) {
      this.#fail(cause);
    }
    // After http-proxy's own listeners: what they do to the doorstep is done, and is taken back.
    this.#outgoing?.once('upgrade', (answer, upstream) => {
      takeOver(upstream, doorstep, this.#ownEnds);
      this.#open(answer, upstream);
    });
    this.#outgoing?.once('response', (answer) => this.#relay(answer));
  }

  /** Gives the outgoing request the headers that were decided; called before it is sent. */
  prepare(outgoing: ClientRequest): void {
    const question = this.#question;
    if (question === null) return;
    const { connectMs, firstByteMs } = question.timeouts;
    this.#outgoing = outgoing;
    this.#expect('UND_ERR_CONNECT_TIMEOUT', connectMs);
    outgoing.on('error', (cause) => this.#fail(cause));
    outgoing.once('finish', () => this.#expect('UND_ERR_HEADERS_TIMEOUT', firstByteMs));
    outgoing.once('response', () => {
      clearTimeout(this.#timer);
      // Then http-proxy leaves the answer's body to us.
      this.#doorstep?.destroy();
    });
    outgoing.once('upgrade', (_answer, upstream) => (this.#ownEnds = upstream.listeners('end')));
    outgoing.method = question.job.facts.method;
    try {
      for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
      for (const [name, values] of grouped(question.headers))
        outgoing.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
    } catch (cause) {
      this.#fail(cause);
      outgoing.destroy();
    }
  }

  readonly close = (code = 1001): void => {
    if (this.#over) return;
    const joint = this.#joint;
    const outgoing = this.#outgoing;
    this.#finish({ kind: 'closed' });
    outgoing?.destroy();
    if (joint === null) this.#socket.destroy();
    else joint.close(code);
  };

  /** 0: no limit. */
  #expect(code: string, ms: number): void {
    clearTimeout(this.#timer);
    if (ms === 0) return;
    this.#timer = setTimeout(() => {
      this.#outgoing?.destroy(tookTooLong(code));
    }, ms);
  }

  #open(answer: IncomingMessage, upstream: Duplex): void {
    const question = this.#question;
    if (this.#over || question === null) {
      upstream.destroy();
      return;
    }
    const { facts, head } = question.job;
    const [protocol = ''] = facts.upgrade;
    if (answer.headers.upgrade?.toLowerCase() !== protocol) {
      upstream.destroy();
      this.#fail(invalidAnswer(`changed to a protocol other than ${protocol}`, this.#target));
      return;
    }
    const socket = this.#socket;
    const headers = answerHeaders(question, answer, 101).filter(([name]) => name.toLowerCase() !== 'content-length');
    writeHead(socket, answer, [['Connection', 'Upgrade'], ['Upgrade', answer.headers.upgrade], ...headers]);
    this.#started = true;
    if (head.length > 0) socket.unshift(head);
    const { idleMs } = question.timeouts;
    this.#forgetQuestion();
    socket.off('close', this.#onVisitorClosed);
    this.#joint = join(socket, upstream, protocol === 'websocket', () => this.#finish({ kind: 'tunnelled' }));
    if (upstream instanceof Socket && idleMs > 0) upstream.setTimeout(idleMs, this.#onIdle);
  }

  /** Nothing moved, in either direction. */
  readonly #onIdle = (): void => {
    const joint = this.#joint;
    this.#finish({ kind: 'tunnelled' });
    joint?.close(1001);
  };

  /** The upstream's own answer, when it is no 101: its head filtered, its body with its own framing, then the end. */
  #relay(answer: IncomingMessage): void {
    const question = this.#question;
    const status = answer.statusCode ?? 0;
    const coding = answer.headers['transfer-encoding']?.toLowerCase();
    if (this.#over || question === null) {
      answer.destroy();
      return;
    }
    if (status < 200 || status > 599 || (coding !== undefined && coding !== 'chunked')) {
      answer.destroy();
      this.#fail(invalidAnswer(`answered an upgrade with status ${status}`, this.#target));
      return;
    }
    const socket = this.#socket;
    this.#started = true;
    const { idleMs } = question.timeouts;
    if (idleMs > 0) answer.setTimeout(idleMs, () => answer.destroy(tookTooLong('UND_ERR_BODY_TIMEOUT')));
    const headers = answerHeaders(question, answer, status);
    const hasBody = status !== 204 && status !== 304 && question.job.facts.method !== 'HEAD';
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

  readonly #onVisitorClosed = (): void => {
    const outgoing = this.#outgoing;
    this.#finish({ kind: 'client-gone' });
    outgoing?.destroy();
  };

  #fail(cause: unknown): void {
    if (this.#over) return;
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, this.#target);
    this.#finish({ kind: 'failed', error, responseStarted: this.#started });
    if (this.#started) this.#socket.destroy();
  }

  #finish(outcome: UpgradeOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.off('close', this.#onVisitorClosed);
    this.#forgetQuestion();
    this.#resolve(outcome);
  }

  #forgetQuestion(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#question = null;
    this.#outgoing = null;
    this.#doorstep = null;
    this.#ownEnds = [];
  }
}

function tookTooLong(code: string): Error {
  return Object.assign(new Error('the upstream took too long to answer an upgrade'), { code });
}

function ignore(): void {
  // Whatever broke, `close` follows.
}

function answerHeaders(
  { job, target, responseHeaders }: Question,
  answer: IncomingMessage,
  status: number,
): [name: string, value: string][] {
  const { facts, route } = job;
  const { rawHeaders } = answer;
  return [...pairsOf(responseHeaders({ status, rawHeaders, facts, route, target, setCookies: [], mayTrail: false }))];
}

/**
 * Takes http-proxy off an upgraded socket: its pipes to the doorstep, and its listeners, which would keep the whole request
 * alive as long as the tunnel stands. `own` are the `end` listeners from before.
 */
function takeOver(upstream: Duplex, doorstep: Doorstep, own: ReturnType<Duplex['listeners']>): void {
  upstream.unpipe(doorstep);
  doorstep.unpipe(upstream);
  doorstep.destroy();
  upstream.removeAllListeners('error').on('error', ignore);
  for (const listener of upstream.listeners('end')) {
    if (!own.includes(listener)) upstream.off('end', listener as () => void);
  }
}
