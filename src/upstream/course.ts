import { GatewayError } from '../errors.ts';
import type { Authenticated } from '../authentication/authenticator.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import type { Member } from './balance.ts';
import type { Group, Waiter } from './group.ts';
import type { Stickiness, StickyVisitor } from './sticky.ts';

/** A request that is sent to one target after another until one takes it. */
export interface Traveller {
  /** Send it there now. */
  readonly go: (target: UpstreamTarget) => void;
  /** No target has room for it (`upstream-busy`). */
  readonly refuse: (error: GatewayError) => void;
}

/**
 * No further target is tried when connecting has taken this many times the longest that one connection may take, and at least
 * so many milliseconds: undici's timers go by the second.
 */
const patience = { times: 2, leastMs: 3_000 } as const;

/** The way of one request among several targets: which one has it, and which did not take it. `end` must follow. */
export class Course implements Waiter {
  /** Whole `Set-Cookie` values for the answer. */
  readonly setCookies: readonly string[];
  readonly #group: Group;
  readonly #now: () => number;
  readonly #key: number;
  readonly #beganMs: number;
  #traveller: Traveller | null;
  #tried: readonly Member[] = [];
  #member: Member | null = null;
  /** When the present target got it. */
  #startedMs = 0;
  #waiting: NodeJS.Timeout | undefined;

  /** `key` is the visitor's among the targets, for `balance: sticky`. */
  constructor(group: Group, now: () => number, visitor: StickyVisitor, traveller: Traveller) {
    this.#group = group;
    this.#now = now;
    this.#key = visitor.key;
    this.setCookies = visitor.setCookies;
    this.#traveller = traveller;
    this.#beganMs = now();
  }

  /** Sends the traveller to a target: at once, or when one has room. */
  start(): void {
    if (this.tryAgain()) return;
    const { room, upstream } = this.#group;
    if (room.waiters.length >= upstream.queue.length) {
      this.#traveller?.refuse(busy('found every target busy and the queue full'));
      return;
    }
    room.waiters.push(this);
    this.#waiting = setTimeout(() => {
      this.#leaveRoom();
      this.#traveller?.refuse(busy('waited too long for a target with room'));
    }, upstream.queue.waitMs);
  }

  get waitsForAny(): boolean {
    return this.#tried.length === 0 && this.#group.upstream.balance !== 'sticky';
  }

  tryAgain(): boolean {
    const traveller = this.#traveller;
    if (traveller === null) return true;
    const nowMs = this.#now();
    const chosen = this.#group.choose(this.#key, this.#tried, nowMs);
    if (chosen === 'full') return false;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    // There was one when `goesOn` asked, and no target leaves its group.
    if (chosen === null) return true;
    this.#member = chosen;
    this.#startedMs = nowMs;
    chosen.state.active += 1;
    chosen.state.requests += 1;
    traveller.go(chosen.target);
    return true;
  }

  /** The target has answered, whatever it said. */
  answered(): void {
    this.#member?.state.answered(this.#startedMs, this.#now());
  }

  /** The target gave no sound answer. */
  failed(error: Error): void {
    this.#member?.state.failed(this.#startedMs, this.#now(), this.#group.ejection, error);
  }

  /**
   * The target never got the request: no connection could be made. True when another one is to be tried, with `start`;
   * false when none is left or too much time is gone.
   */
  goesOn(error: Error): boolean {
    const member = this.#member;
    if (member === null) return false;
    const { upstream } = this.#group;
    const nowMs = this.#now();
    if (this.#tried.length + 1 >= this.#group.members.length) return false;
    const longestMs = Math.max(patience.leastMs, patience.times * upstream.timeouts.connectMs);
    if (nowMs - this.#beganMs >= longestMs) return false;
    this.failed(error);
    this.#tried = [...this.#tried, member];
    this.#leaveTarget();
    return true;
  }

  /** It is over, however it went. */
  end(): void {
    this.#traveller = null;
    this.#leaveRoom();
    this.#leaveTarget();
  }

  #leaveTarget(): void {
    const member = this.#member;
    if (member === null) return;
    this.#member = null;
    member.state.active -= 1;
    this.#group.room.wake();
  }

  #leaveRoom(): void {
    if (this.#waiting === undefined) return;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    const { waiters } = this.#group.room;
    const index = waiters.indexOf(this);
    if (index !== -1) waiters.splice(index, 1);
  }
}

/** Begins a way among the targets of an upstream that is not plain. */
export type Courses = (
  upstream: Upstream,
  facts: RequestFacts,
  visitor: Authenticated | null,
  traveller: Traveller,
) => Course;

export interface CoursesOptions {
  readonly groupOf: (upstream: Upstream) => Group | null;
  readonly stickiness: Stickiness;
  readonly now: () => number;
}

export function createCourses({ groupOf, stickiness, now }: CoursesOptions): Courses {
  return (upstream, facts, visitor, traveller) => {
    const group = groupOf(upstream);
    if (group === null) throw new GatewayError('internal', 'found no targets of a route that was never taken over');
    const known = upstream.balance === 'sticky' ? stickiness(facts, visitor) : anybody;
    return new Course(group, now, known, traveller);
  };
}

const anybody: StickyVisitor = { key: 0, setCookies: [] };

function busy(what: string): GatewayError {
  return new GatewayError('upstream-busy', what);
}
