import type { RequestFacts } from '../request/facts.ts';
import type { Session, SessionStore } from '../session/session.ts';
import type { AccountBindings } from './account-binding.ts';
import { endSessionsOf } from './browser-sessions.ts';
import type { Verified } from './method.ts';

/** What the audit log hears of; `fields` hold no secret. */
export type SignInAudit = (
  event: 'sign-in.succeeded' | 'sign-in.failed' | 'sign-in.throttled' | 'sign-in.unavailable' | 'sign-in.name-taken',
  facts: RequestFacts,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface SignInFinishOptions {
  readonly sessions: Pick<SessionStore, 'create' | 'find' | 'end'>;
  readonly bindings: Pick<AccountBindings, 'claim'>;
  /** Where the cookie that a host may set is sent; as `SessionCookie` has it. */
  readonly siteOf: (host: string) => string;
  /** "Keep me signed in" is offered at all. */
  readonly rememberAllowed: boolean;
  /** Names one sign-in, on all hosts that it is handed over to; null where none is. */
  readonly newSignInHandle: (() => string) | null;
  readonly audit: SignInAudit;
}

export interface FinishInput {
  readonly verified: Verified;
  readonly remember: boolean;
  readonly facts: RequestFacts;
}

export interface SignedIn {
  readonly kind: 'signed-in';
  readonly token: string;
  readonly session: Session;
  /** The browser was signed in as somebody else: the apps' own cookies must go too. */
  readonly userChanged: boolean;
}

export type FinishResult =
  | SignedIn
  /** The user name is somebody else's: `account-binding.ts`. No session was made. */
  | { readonly kind: 'refused'; readonly reason: 'name-taken' };

/**
 * The one place where what a method verified becomes a session: the name must be the person's, the browser's old sessions end,
 * and the token is always a new one. Rejects with `store-unavailable`.
 */
export type SignInFinish = (input: FinishInput) => Promise<FinishResult>;

export function createSignInFinish(options: SignInFinishOptions): SignInFinish {
  const { sessions, bindings, siteOf, rememberAllowed, newSignInHandle, audit } = options;
  return async ({ verified, remember, facts }) => {
    const { kind: _, ...rest } = verified;
    const { user, method, issuer } = verified.identity;
    if (!(await bindings.claim(verified.identity))) {
      audit('sign-in.name-taken', facts, { user, method, issuer, reason: 'name-taken' });
      return { kind: 'refused', reason: 'name-taken' };
    }
    // The old sessions first: if the store fails in between, the browser is signed out rather than signed in twice.
    const replaced = await endSessionsOf(sessions, facts.sessionTokens, 'replaced');
    const { token, session } = await sessions.create({
      ...rest,
      handles: [...(rest.handles ?? []), ...(newSignInHandle === null ? [] : [newSignInHandle()])],
      site: siteOf(facts.host),
      remembered: remember && rememberAllowed,
      address: facts.clientAddress,
      userAgent: (facts.header('user-agent') ?? '').slice(0, 256),
    });
    const userChanged = replaced.some(({ identity }) => identity.user !== user);
    audit('sign-in.succeeded', facts, { user, method, session: session.id, remembered: session.remembered });
    return { kind: 'signed-in', token, session, userChanged };
  };
}
