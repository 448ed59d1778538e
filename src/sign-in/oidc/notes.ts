/** What a session remembers of its provider, sealed with its record. */
export interface OidcNotes {
  /** The last ID token, to show the provider at sign-out, and for claims that a refresh does not repeat. */
  readonly idToken: string;
  /** Null: the provider gave none, and the session is never checked. */
  readonly refreshToken: string | null;
}

export function writeNotes(notes: OidcNotes): string {
  return JSON.stringify([notes.idToken, notes.refreshToken]);
}

/** Null for what `writeNotes` did not make. */
export function readNotes(data: string): OidcNotes | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [idToken, refreshToken] = value as readonly unknown[];
  if (typeof idToken !== 'string' || (typeof refreshToken !== 'string' && refreshToken !== null)) return null;
  return { idToken, refreshToken };
}

/** Names under which a provider ends sessions: by its own session, or by the person. */
export function sidHandle(provider: string, issuer: string, sid: string): string {
  return JSON.stringify([provider, 'sid', issuer, sid]);
}

export function subjectHandle(provider: string, issuer: string, subject: string): string {
  return JSON.stringify([provider, 'sub', issuer, subject]);
}
