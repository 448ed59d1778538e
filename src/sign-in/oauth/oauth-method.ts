import type { Renewal, SessionRenewer } from '../../authentication/session-renewal.ts';
import type { Runtime } from '../../runtime.ts';
import { neverChecked, type SessionProvider } from '../../session/session.ts';
import type { RedirectMethod, RedirectPurpose } from '../method.ts';
import type { Mapped } from '../oidc/claims.ts';
import { OAuthFailure, readOAuthFailure, tokenNotAccepted } from './answer.ts';
import type { CodeFlow } from './code-flow.ts';
import { readNotes, writeNotes, type OAuthTokens } from './notes.ts';

export interface OAuthMethodOptions {
  readonly id: string;
  readonly label: string;
  readonly flow: CodeFlow;
  /** Further parameters of the authorization request. */
  readonly parametersOf: (purpose: RedirectPurpose) => Readonly<Record<string, string>>;
  /** Who holds an access token. Rejects as `CodeFlow` does, with `token-not-accepted` when it is not good. Within 18 s. */
  readonly ask: (accessToken: string) => Promise<Mapped>;
  /** How often the provider is asked about a session. */
  readonly checkEveryMs: number;
  /** Some route hands the access token on to its app. */
  readonly keepsAccessToken: boolean;
  readonly isAvailable: () => boolean;
  readonly runtime: Pick<Runtime, 'now'>;
}

/** A way to sign in by OAuth 2, and what keeps its sessions in step. */
export interface OAuthMethod {
  readonly method: RedirectMethod;
  readonly renew: SessionRenewer;
}

/** An access token that ends sooner is not used any more. */
const marginMs = 60_000;
/** When to ask again about somebody whose tokens were renewed, but who could not be asked about. */
const soonMs = 30_000;
/** Says that we, not the person, are not known any more: ended sessions would not help. */
const clientFaults: ReadonlySet<string> = new Set([
  'invalid-client',
  'unauthorized-client',
  'incorrect-client-credentials',
]);

/** What is the same with every provider of OAuth 2: the way there and back, and asking again with the token that was kept. */
export function createOAuthMethod(options: OAuthMethodOptions): OAuthMethod {
  const { id, label, flow, ask, checkEveryMs, keepsAccessToken, runtime } = options;
  const { now } = runtime;

  const providerOf = (tokens: OAuthTokens): SessionProvider => ({
    id,
    checkAtMs: nextCheck(tokens, checkEveryMs, now()),
    failingSinceMs: null,
    data: writeNotes(tokens),
    accessToken: keepsAccessToken ? tokens.accessToken : null,
  });

  const renew: SessionRenewer = async (_session, { data }) => {
    const held = readNotes(data);
    if (held === null) return { kind: 'ended', reason: 'no-token' };
    const { refreshToken } = held;
    if (refreshToken !== null && held.expiresAtMs !== null && now() > held.expiresAtMs - marginMs)
      return askWith(await flow.refresh(refreshToken), true);
    try {
      return await askWith(held, false);
    } catch (error) {
      const isOver = error instanceof OAuthFailure && error.reason === tokenNotAccepted;
      if (!isOver || refreshToken === null) throw error;
      return askWith(await flow.refresh(refreshToken), true);
    }
  };

  const askWith = async (tokens: OAuthTokens, isRenewed: boolean): Promise<Renewal> => {
    const { checkAtMs, data, accessToken } = providerOf(tokens);
    let mapped: Mapped;
    try {
      mapped = await ask(tokens.accessToken);
    } catch (error) {
      // The old refresh token may be used up: what took its place must be kept, come what may.
      if (!isRenewed || readOAuthFailure(error).kind === 'refused') throw error;
      return { kind: 'unchanged', checkAtMs: now() + soonMs, data, accessToken };
    }
    if (mapped.kind === 'refused') return { kind: 'ended', reason: mapped.reason };
    return { kind: 'changed', identity: mapped.identity, checkAtMs, data, accessToken };
  };

  return {
    method: {
      kind: 'redirect',
      id,
      label,
      isAvailable: options.isAvailable,
      start: async (start) => ({ kind: 'redirect', url: flow.start(start, options.parametersOf(start.purpose)) }),
      finish: async (callback) => {
        try {
          const tokens = await flow.exchange(callback);
          const mapped = await ask(tokens.accessToken);
          if (mapped.kind === 'refused') return mapped;
          const { identity } = mapped;
          return { kind: 'verified', identity, credential: '', amr: [], provider: providerOf(tokens) };
        } catch (error) {
          return readOAuthFailure(error);
        }
      },
    },
    renew: async (session, provider) => {
      try {
        return await renew(session, provider);
      } catch (error) {
        const { kind, reason } = readOAuthFailure(error);
        if (kind === 'unavailable' || clientFaults.has(reason)) throw error;
        return { kind: 'ended', reason };
      }
    },
  };
}

/** A token that ends, and can't be renewed, says nothing about the person when it is over. */
function nextCheck({ refreshToken, expiresAtMs }: OAuthTokens, checkEveryMs: number, nowMs: number): number {
  const usualMs = nowMs + checkEveryMs;
  if (expiresAtMs === null) return usualMs;
  if (refreshToken === null) return usualMs < expiresAtMs ? usualMs : neverChecked;
  return Math.min(usualMs, Math.max(nowMs + 10_000, expiresAtMs - marginMs));
}

/** Half a minute after a provider did not answer its button says so; whoever presses it tries anyway. */
export function createAvailability(now: () => number): {
  readonly isAvailable: () => boolean;
  readonly onReached: (isReached: boolean) => void;
} {
  let untilMs = 0;
  return {
    isAvailable: () => now() >= untilMs,
    onReached: (isReached) => {
      untilMs = isReached ? 0 : now() + soonMs;
    },
  };
}
