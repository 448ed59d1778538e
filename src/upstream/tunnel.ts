import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';
import { Attempt } from './attempt.ts';
import type { Ask, Attempted } from './attempt.ts';
import type { Course, Courses, Traveller } from './course.ts';
import { invalidAnswer, isTargetsDoing, upstreamFailure } from './failure.ts';
import { destroyLater, join } from './join.ts';
import type { Joint } from './join.ts';
import type { createRequestHeaders } from './request-headers.ts';
import type { UpstreamAnswer } from './response-headers.ts';
import { acceptOf, chunks, pairsOf, tookTooLong, writeHead } from './upgrade-wire.ts';
import type { UpgradeHandle, UpgradeJob, UpgradeOutcome } from './upgrade.ts';

/** What an upgrader's tunnels work with. */
export interface TunnelTools {
  readonly courses: Courses;
  readonly requestHeaders: ReturnType<typeof createRequestHeaders>;
  readonly responseHeaders: (answer: UpstreamAnswer) => string[];
  readonly ask: Ask;
}

/** What is needed until the answer is there. A tunnel may stand for days and must hold on to none of it. */
interface Question {
  readonly job: UpgradeJob;
  readonly tools: TunnelTools;
}

/** One upgrade, from the question to the end of the tunnel. http-proxy asks; what the visitor sees is written here. */
export class Tunnel implements UpgradeHandle, Traveller, Attempted {
  readonly done: Promise<UpgradeOutcome>;
  readonly #resolve: (outcome: UpgradeOutcome) => void;
  readonly #socket: Duplex;
  /** Null where there is one target and nothing to watch. */
  #course: Course | null = null;
  #target: UpstreamTarget;
  #question: Question | null;
  #attempt: Attempt | null = null;
  #joint: Joint | null = null;
  #over = false;
  /** The visitor has been written to. */
  #started = false;

  constructor(job: UpgradeJob, tools: TunnelTools) {
    const { promise, resolve } = Promise.withResolvers<UpgradeOutcome>();
    this.done = promise;
    this.#resolve = resolve;
    this.#socket = job.socket;
    this.#target = job.route.upstream.targets[0];
    this.#question = { job, tools };
  }

  start(): void {
    const socket = this.#socket;
    const question = this.#question;
    // A connection that breaks tells so with `close` as well.
    socket.on('error', ignore);
    if (socket.destroyed || question === null) {
      this.#finish({ kind: 'client-gone' });
      return;
    }
    socket.on('close', this.#onVisitorClosed);
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, 60_000);
    const { facts, route, visitor } = question.job;
    if (route.upstream.isPlain) this.go(this.#target);
    else {
      this.#course = question.tools.courses(route.upstream, facts, visitor, this);
      this.#course.start();
    }
  }

  /** Asks this target. */
  go(target: UpstreamTarget): void {
    const question = this.#question;
    if (question === null) return;
    const { job, tools } = question;
    this.#target = target;
    const headers = tools.requestHeaders(job, target, job.facts.upgrade[0] ?? '');
    this.#attempt = new Attempt(job, target, headers, this);
    this.#attempt.start(tools.ask);
  }

  /** No target has room. */
  refuse(error: GatewayError): void {
    this.#fail(error);
  }

  readonly close = (code = 1001): void => {
    if (this.#over) return;
    const joint = this.#joint;
    const attempt = this.#attempt;
    this.#finish({ kind: 'closed' });
    attempt?.abandon();
    if (joint === null) this.#socket.destroy();
    else joint.close(code);
  };

  agreed(answer: IncomingMessage, upstream: Duplex): void {
    const question = this.#question;
    if (question === null) return;
    const { facts, head, respondHead } = question.job;
    const [protocol = ''] = facts.upgrade;
    if (answer.headers.upgrade?.toLowerCase() !== protocol) {
      upstream.destroy();
      this.lost(invalidAnswer(`changed to a protocol other than ${protocol}`, this.#target), true);
      return;
    }
    // Over HTTP/2 the key was ours, and the visitor has nothing to check the answer by (RFC 8441 §5).
    if (respondHead !== undefined && answer.headers['sec-websocket-accept'] !== acceptOf(facts)) {
      upstream.destroy();
      this.lost(invalidAnswer('did not accept the key of a WebSocket handshake', this.#target), true);
      return;
    }
    const socket = this.#socket;
    const headers = this.#answerHeaders(question, answer, 101).filter(
      ([name]) => name.toLowerCase() !== 'content-length',
    );
    if (respondHead === undefined)
      writeHead(socket, answer, [['Connection', 'Upgrade'], ['Upgrade', answer.headers.upgrade], ...headers]);
    else respondHead(101, headers);
    this.#started = true;
    if (head.length > 0) socket.unshift(head);
    const { idleMs } = question.job.route.upstream.timeouts;
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
  refused(answer: IncomingMessage): void {
    const question = this.#question;
    const status = answer.statusCode ?? 0;
    const coding = answer.headers['transfer-encoding']?.toLowerCase();
    if (question === null) return;
    if (status < 200 || status > 599 || (coding !== undefined && coding !== 'chunked')) {
      answer.destroy();
      this.lost(invalidAnswer(`answered an upgrade with status ${status}`, this.#target), true);
      return;
    }
    const socket = this.#socket;
    this.#started = true;
    const { idleMs } = question.job.route.upstream.timeouts;
    if (idleMs > 0) answer.setTimeout(idleMs, () => answer.destroy(tookTooLong('UND_ERR_BODY_TIMEOUT')));
    const headers = this.#answerHeaders(question, answer, status);
    const hasBody = status !== 204 && status !== 304 && question.job.facts.method !== 'HEAD';
    const { respondHead } = question.job;
    const isChunked = hasBody && answer.headers['content-length'] === undefined && respondHead === undefined;
    if (isChunked) headers.push(['Transfer-Encoding', 'chunked']);
    if (respondHead === undefined) writeHead(socket, answer, [...headers, ['Connection', 'close']]);
    else respondHead(status, headers);
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
    const attempt = this.#attempt;
    this.#finish({ kind: 'client-gone' });
    attempt?.abandon();
  };

  #answerHeaders({ job, tools }: Question, answer: IncomingMessage, status: number): [name: string, value: string][] {
    this.#course?.answered();
    const { facts, route } = job;
    const { rawHeaders } = answer;
    const setCookies = this.#course?.setCookies ?? [];
    const target = this.#target;
    return [
      ...pairsOf(tools.responseHeaders({ status, rawHeaders, facts, route, target, setCookies, mayTrail: false })),
    ];
  }

  /** The target gave no sound answer: another one is asked where that is allowed. */
  lost(cause: unknown, connected: boolean): void {
    if (this.#over) return;
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, this.#target);
    if (this.#course !== null && isTargetsDoing(error)) {
      if (!connected && this.#course.goesOn(error)) {
        this.#attempt = null;
        queueMicrotask(() => this.#over || this.#course?.start());
        return;
      }
      this.#course.failed(error);
    }
    this.#fail(error);
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, this.#target);
    this.#finish({ kind: 'failed', error, responseStarted: this.#started });
    if (this.#started) this.#socket.destroy();
  }

  #finish(outcome: UpgradeOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#course?.end();
    this.#socket.off('close', this.#onVisitorClosed);
    this.#forgetQuestion();
    this.#resolve(outcome);
  }

  #forgetQuestion(): void {
    this.#question = null;
    this.#attempt = null;
  }
}

function ignore(): void {
  // Whatever broke, `close` follows.
}
