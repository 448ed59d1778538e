import type { Outcome } from './traffic.ts';

/** Something that was done to the gateway or its neighbours. */
export interface Fault {
  readonly name: 'reload' | 'upstream restart' | 'Redis restart';
  readonly fromMs: number;
  /** When it was over, and all had had a moment to notice. */
  readonly untilMs: number;
}

export interface Ledger {
  /** Does something, and counts as its fault what fails from now until `graceMs` after it. */
  readonly during: (name: Fault['name'], graceMs: number, act: () => Promise<void>) => Promise<void>;
  readonly record: (outcome: Outcome) => void;
  /** To be read when all faults are over. */
  readonly settle: () => Accounts;
}

export interface Accounts {
  readonly faults: readonly Fault[];
  /** Failed requests by what they were owed to. */
  readonly owed: Readonly<Record<string, number>>;
  readonly notOwed: readonly Outcome[];
}

/** What each fault may cause. A reload may cause nothing. */
const mayCause: Readonly<Record<Fault['name'], (outcome: Outcome) => boolean>> = {
  reload: () => false,
  // An answer that had begun can only be cut.
  'upstream restart': ({ status }) => status === 502 || status === 504 || status === 0,
  'Redis restart': ({ status }) => status === 503,
};

/** Keeps the books: which failed request is owed to which fault. */
export function createLedger(now: () => number): Ledger {
  const faults: Fault[] = [];
  const failures: Outcome[] = [];
  return {
    during: async (name, graceMs, act) => {
      const fromMs = now();
      await act();
      faults.push({ name, fromMs, untilMs: now() + graceMs });
    },
    record: (outcome) => void failures.push(outcome),
    settle: () => {
      const owed: Record<string, number> = {};
      const notOwed: Outcome[] = [];
      for (const outcome of failures) {
        const cause = faults.find(
          (fault) =>
            outcome.endedMs >= fault.fromMs && outcome.startedMs <= fault.untilMs && mayCause[fault.name](outcome),
        );
        if (cause === undefined) notOwed.push(outcome);
        else owed[cause.name] = (owed[cause.name] ?? 0) + 1;
      }
      return { faults, owed, notOwed };
    },
  };
}
