/** What a session remembers of its provider, sealed with its record. */
export interface OAuthTokens {
  readonly accessToken: string;
  /** Null: the provider gave none. */
  readonly refreshToken: string | null;
  /** When the access token ends, milliseconds since 1970; null: it has no end that we know of. */
  readonly expiresAtMs: number | null;
}

export function writeNotes({ accessToken, refreshToken, expiresAtMs }: OAuthTokens): string {
  return JSON.stringify([accessToken, refreshToken, expiresAtMs]);
}

/** Null for what `writeNotes` did not make. */
export function readNotes(data: string): OAuthTokens | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [accessToken, refreshToken, expiresAtMs] = value as readonly unknown[];
  if (typeof accessToken !== 'string') return null;
  if (typeof refreshToken !== 'string' && refreshToken !== null) return null;
  if (typeof expiresAtMs !== 'number' && expiresAtMs !== null) return null;
  return { accessToken, refreshToken, expiresAtMs };
}
