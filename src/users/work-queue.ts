export interface WorkQueueOptions {
  /** Jobs that run at one time. */
  readonly concurrency: number;
  /** Jobs that may wait for their turn. */
  readonly maxWaiting: number;
  /** Makes the error with which `run` rejects when too many wait. */
  readonly refuse: () => Error;
}

/** Dear jobs, few at a time, in order of arrival. */
export interface WorkQueue {
  readonly run: <T>(job: () => Promise<T>) => Promise<T>;
}

/** @example const queue = createWorkQueue({ concurrency: 2, maxWaiting: 100, refuse: () => new Error('busy') }) */
export function createWorkQueue({ concurrency, maxWaiting, refuse }: WorkQueueOptions): WorkQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  const takeTurn = async (): Promise<void> => {
    if (running < concurrency) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting) throw refuse();
    // Whoever ends hands over its own place, so `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    run: async (job) => {
      await takeTurn();
      try {
        return await job();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
