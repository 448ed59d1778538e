import type { Log } from '../runtime.ts';
import type { StoreEvent, StoreNews } from './store.ts';

/** Who wants to hear of news in this process. */
export interface Listeners {
  readonly add: (listener: (news: StoreNews) => void) => () => void;
  /** One listener's fault neither stops the others nor the caller. */
  readonly tell: (news: StoreNews) => void;
  readonly size: () => number;
}

export function createListeners(log: Log): Listeners {
  const listeners = new Set<{ readonly hear: (news: StoreNews) => void }>();
  return {
    add: (hear) => {
      const entry = { hear };
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    tell: (news) => {
      for (const { hear } of listeners) {
        try {
          hear(news);
        } catch (error) {
          log.error('store.listener-failed', { kind: news.kind, error });
        }
      }
    },
    size: () => listeners.size,
  };
}

/** Reads an event that another process wrote; null for what this version does not know. */
export function readEvent(text: string): StoreNews | null {
  const [kind, id, ...rest] = text.split(' ');
  if (id === undefined || id === '' || rest.length > 0) return null;
  const known = eventKinds.find((name) => name === kind);
  return known === undefined ? null : { kind: known, id };
}

const eventKinds = [
  'session-ended',
  'session-changed',
  'keys-changed',
  'token-ended',
  'token-owner-changed',
] as const satisfies readonly StoreEvent['kind'][];

/** The text of an event as it travels between processes. */
export function writeEvent(event: { readonly kind: string; readonly id: string }): string {
  return `${event.kind} ${event.id}`;
}
