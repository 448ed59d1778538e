import type { KeyStorage } from '../../src/identity/keys.ts';

export interface SharedKeys {
  /** The view of one more process. */
  readonly join: () => KeyStorage;
  readonly text: () => string;
  readonly writes: () => number;
}

/** One record that several processes share, as a store has it. */
export function createSharedKeys(): SharedKeys {
  const listeners: (() => void)[] = [];
  let text: string | null = null;
  let writes = 0;
  // Answers come a turn later, as those of a real store.
  const later = () => new Promise((resolve) => setImmediate(resolve));
  return {
    text: () => text ?? '',
    writes: () => writes,
    join: () => ({
      read: async () => {
        await later();
        return text === null ? null : { text, mark: text };
      },
      write: async (mark, next) => {
        await later();
        if (text !== mark) return false;
        text = next;
        writes += 1;
        return true;
      },
      announce: async () => {
        for (const listener of listeners) listener();
      },
      onChange: (listener) => void listeners.push(listener),
      isCurrent: () => true,
    }),
  };
}
