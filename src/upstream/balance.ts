import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import type { TargetState } from './target-state.ts';

/** One target as one configuration has it, with what is known of it. */
export interface Member {
  readonly target: UpstreamTarget;
  readonly state: TargetState;
  /** Hash of its place, for `sticky`. */
  readonly seed: number;
  /** What round robin owes it. */
  account: number;
}

/** One of the candidates (at least one), or null when none may take a request now. `key` is the visitor's, for `sticky`. */
export type Choose = (candidates: readonly Member[], key: number, nowMs: number) => Member | null;

/** The way to choose that an upstream asks for. */
export function createChoice({ balance, maxConnections, slowStartMs }: Upstream): Choose {
  const limit = maxConnections ?? Infinity;
  const weightOf = ({ target, state }: Member, nowMs: number): number =>
    target.weight * state.share(slowStartMs, nowMs);
  switch (balance) {
    case 'round-robin':
      return (candidates, _key, nowMs) => chooseInTurn(candidates, limit, (member) => weightOf(member, nowMs));
    case 'least-connections':
      return (candidates, _key, nowMs) => chooseLeastBusy(candidates, limit, (member) => weightOf(member, nowMs));
    case 'sticky':
      return (candidates, key, nowMs) => chooseOwn(candidates, limit, key, (member) => weightOf(member, nowMs));
  }
}

type Weigh = (member: Member) => number;

/**
 * Smooth weighted round robin: with weights 5, 1 and 1 the first gets five of seven requests, but never all five in a row. Each
 * turn adds every target's weight to its account; the fullest account pays the sum of all and serves.
 */
function chooseInTurn(candidates: readonly Member[], limit: number, weigh: Weigh): Member | null {
  let total = 0;
  let best: Member | null = null;
  for (const member of candidates) {
    if (member.state.active >= limit) continue;
    const weight = weigh(member);
    total += weight;
    member.account += weight;
    if (best === null || member.account > best.account) best = member;
  }
  if (best !== null) best.account -= total;
  return best;
}

/** The one with the fewest requests under way for its weight; among equals it goes in turn. */
function chooseLeastBusy(candidates: readonly Member[], limit: number, weigh: Weigh): Member | null {
  let least = Infinity;
  let idlest: Member[] = [];
  for (const member of candidates) {
    if (member.state.active >= limit) continue;
    const load = (member.state.active + 1) / weigh(member);
    if (load > least) continue;
    if (load < least) idlest = [];
    least = load;
    idlest.push(member);
  }
  return chooseInTurn(idlest, limit, weigh);
}

/**
 * Weighted rendezvous hashing (Thaler, Ravishankar 1998): each target draws a time of arrival from the visitor's key, the heavier
 * the earlier, and the first serves. Without that one the second does, so that a target's loss moves its own visitors only, and
 * its return brings them back. When it is full they wait for it: another target would not know them.
 */
function chooseOwn(candidates: readonly Member[], limit: number, key: number, weigh: Weigh): Member | null {
  let first: Member | null = null;
  let earliest = Infinity;
  for (const member of candidates) {
    const drawn = (mix(key ^ member.seed) + 0.5) / 0x1_0000_0000;
    const arrival = -Math.log(drawn) / weigh(member);
    if (arrival >= earliest) continue;
    earliest = arrival;
    first = member;
  }
  return first === null || first.state.active >= limit ? null : first;
}

/** 32 bits of a text (FNV-1a); spreads, hides nothing. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** Every bit of the result depends on every bit given (the last step of MurmurHash3). */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
