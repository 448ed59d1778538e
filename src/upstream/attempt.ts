import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';
import { Doorstep } from './doorstep.ts';
import { grouped, takeOver, tookTooLong } from './upgrade-wire.ts';
import type { UpgradeJob } from './upgrade.ts';

/** Has http-proxy send an upgrade; it calls `prepare` on the way, and its own words go to the doorstep. */
export type Ask = (attempt: Attempt, job: UpgradeJob, target: UpstreamTarget, doorstep: Doorstep) => Promise<void>;

/** Whom an attempt tells how it came out, by one of these, once. */
export interface Attempted {
  /** The target agreed; its socket is nobody else's any more. */
  readonly agreed: (answer: IncomingMessage, upstream: Duplex) => void;
  /** The target answered otherwise; the body has not been read. */
  readonly refused: (answer: IncomingMessage) => void;
  /** No answer; `connected`: the target may have seen the question. */
  readonly lost: (cause: unknown, connected: boolean) => void;
}

/** One target asked for one upgrade, until it has answered. http-proxy asks. */
export class Attempt {
  readonly #job: UpgradeJob;
  readonly #target: UpstreamTarget;
  /** Flat raw headers for the target. */
  readonly #headers: readonly string[];
  readonly #owner: Attempted;
  readonly #doorstep = new Doorstep();
  #ownEnds: ReturnType<Duplex['listeners']> = [];
  #outgoing: ClientRequest | null = null;
  #connected = false;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(job: UpgradeJob, target: UpstreamTarget, headers: readonly string[], owner: Attempted) {
    this.#job = job;
    this.#target = target;
    this.#headers = headers;
    this.#owner = owner;
  }

  start(ask: Ask): void {
    try {
      ask(this, this.#job, this.#target, this.#doorstep).catch(this.#lose);
    } catch (cause) {
      this.#lose(cause);
    }
    // After http-proxy's own listeners: what they do to the doorstep is done, and is taken back.
    this.#outgoing?.once('upgrade', (answer, upstream) => {
      takeOver(upstream, this.#doorstep, this.#ownEnds);
      if (this.#over) upstream.destroy();
      else this.#end().agreed(answer, upstream);
    });
    this.#outgoing?.once('response', (answer) => {
      if (this.#over) answer.destroy();
      else this.#end().refused(answer);
    });
  }

  /** Gives the outgoing request the headers that were decided; called before it is sent. */
  prepare(outgoing: ClientRequest): void {
    const { connectMs, firstByteMs } = this.#job.route.upstream.timeouts;
    this.#outgoing = outgoing;
    this.#expect('UND_ERR_CONNECT_TIMEOUT', connectMs);
    outgoing.on('error', this.#lose);
    outgoing.once('socket', (socket) => {
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => (this.#connected = true));
    });
    outgoing.once('finish', () => this.#expect('UND_ERR_HEADERS_TIMEOUT', firstByteMs));
    // Then http-proxy leaves the answer's body to us.
    outgoing.once('response', () => this.#doorstep.destroy());
    outgoing.once('upgrade', (_answer, upstream) => (this.#ownEnds = upstream.listeners('end')));
    outgoing.method = this.#job.facts.method;
    try {
      for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
      for (const [name, values] of grouped(this.#headers))
        outgoing.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
    } catch (cause) {
      this.#lose(new GatewayError('internal', 'could not write the headers of an upgrade', { cause }));
      outgoing.destroy();
    }
  }

  /** Gives up; nobody is told. */
  abandon(): void {
    this.#end();
    this.#outgoing?.destroy();
  }

  /** 0: no limit. */
  #expect(code: string, ms: number): void {
    clearTimeout(this.#timer);
    if (ms === 0 || this.#over) return;
    this.#timer = setTimeout(() => this.#outgoing?.destroy(tookTooLong(code)), ms);
  }

  readonly #lose = (cause: unknown): void => {
    if (!this.#over) this.#end().lost(cause, this.#connected);
  };

  #end(): Attempted {
    this.#over = true;
    clearTimeout(this.#timer);
    return this.#owner;
  }
}
