import type { Ejection, Upstream } from '../route/upstream/config.ts';
import { createChoice, type Member } from './balance.ts';

/** Somebody who waits until a target has room. */
export interface Waiter {
  /** Any target will do: when there is none for this one, there is none for the others of its kind. */
  readonly waitsForAny: boolean;
  /** Looks again; true when it waits no longer. */
  readonly tryAgain: () => boolean;
}

/** Who waits at one route, whatever configuration brought them there. */
export interface WaitingRoom {
  readonly waiters: Waiter[];
  /** Something has become free: soon everybody looks again, in the order in which they came. */
  readonly wake: () => void;
}

export function createWaitingRoom(): WaitingRoom {
  const waiters: Waiter[] = [];
  let isWaking = false;
  const look = (): void => {
    isWaking = false;
    let hasRoom = true;
    for (const waiter of [...waiters]) {
      if (!hasRoom && waiter.waitsForAny) continue;
      if (!waiter.tryAgain()) {
        if (waiter.waitsForAny) hasRoom = false;
        continue;
      }
      const index = waiters.indexOf(waiter);
      if (index !== -1) waiters.splice(index, 1);
    }
  };
  return {
    waiters,
    wake: () => {
      if (isWaking || waiters.length === 0) return;
      isWaking = true;
      queueMicrotask(look);
    },
  };
}

/** The targets of one upstream, and who gets the next request. */
export interface Group {
  readonly upstream: Upstream;
  readonly members: readonly Member[];
  readonly room: WaitingRoom;
  /** One target alone is never left alone: there is no other. */
  readonly ejection: Ejection;
  /**
   * The best target for a visitor that is not among `tried`: a fit one, else one that was failing of late, else one that fails
   * its health check. Null: there is none left. `full`: there is, but not at this moment.
   */
  readonly choose: (key: number, tried: readonly Member[], nowMs: number) => Member | 'full' | null;
}

export function createGroup(upstream: Upstream, members: readonly Member[], room: WaitingRoom): Group {
  const choice = createChoice(upstream);
  return {
    upstream,
    members,
    room,
    ejection: members.length > 1 ? upstream.ejection : null,
    choose: (key, tried, nowMs) => {
      let best = Infinity;
      let candidates: Member[] = [];
      for (const member of members) {
        if (tried.includes(member)) continue;
        const condition = member.state.condition(nowMs);
        if (condition > best) continue;
        if (condition < best) candidates = [];
        best = condition;
        candidates.push(member);
      }
      return candidates.length === 0 ? null : (choice(candidates, key, nowMs) ?? 'full');
    },
  };
}
