import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';

/** Whose turn it is among the targets of an upstream. */
export type Turns = (upstream: Upstream) => UpstreamTarget;

/**
 * Smooth weighted round robin: with weights 5, 1 and 1 the first gets five of seven requests, but never all five in a row. Each
 * turn adds every target's weight to its account; the fullest account pays the sum of all and serves.
 */
export function createTurns(): Turns {
  const accounts = new WeakMap<Upstream, number[]>();
  return (upstream) => {
    const { targets } = upstream;
    let account = accounts.get(upstream);
    if (account === undefined) accounts.set(upstream, (account = targets.map(() => 0)));
    let total = 0;
    let best = 0;
    for (const [index, { weight }] of targets.entries()) {
      total += weight;
      account[index] = (account[index] ?? 0) + weight;
      if ((account[index] ?? 0) > (account[best] ?? 0)) best = index;
    }
    account[best] = (account[best] ?? 0) - total;
    return targets[best] ?? targets[0];
  };
}
