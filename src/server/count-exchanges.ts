import type { Door } from './exchange.ts';

/** Lets a door's owner wait until nobody is in it: `idle` resolves then, at once when nobody is. */
export function countExchanges(door: Door): { readonly door: Door; readonly idle: () => Promise<void> } {
  let inside = 0;
  const waiting = new Set<() => void>();
  const leave = (): void => {
    inside -= 1;
    if (inside > 0) return;
    for (const wake of waiting) wake();
    waiting.clear();
  };
  return {
    door: (exchange) => {
      inside += 1;
      const answered = door(exchange);
      answered.then(leave, leave);
      return answered;
    },
    idle: () => (inside === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
  };
}
