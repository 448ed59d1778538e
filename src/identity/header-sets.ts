import type { Identity } from './identity.ts';

/** Identity headers of one route, compiled at start. */
export interface HeaderSet {
  /** Names that this set can write, in the spelling that goes on the wire. */
  readonly names: readonly string[];
  /** Flat raw headers (`[name, value, …]`, values as UTF-8 bytes in Latin-1) for an identity; unknown values are left out. */
  readonly write: (identity: Identity) => readonly string[];
  /** The same with every name, empty where unknown: for forward auth, where the proxy must overwrite a visitor's own. */
  readonly writeAll: (identity: Identity | null) => readonly string[];
}
