import { createHmac } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Identity } from '../identity/identity.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Runtime } from '../runtime.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Authenticator, Rejected } from './authenticator.ts';
import { claimedJwtOf, readBearerToken } from './bearer-token.ts';
import type { ClaimedJwt } from './bearer-token.ts';
import type { BearerIssuerConfig } from './config.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { hasClaims, identityOfToken } from './token-identity.ts';
import { createVerifiedCache } from './verified-cache.ts';

/** A token that was verified is believed for this long at most, never past its own end. */
const believedForMs = 300_000;
const maxVerified = 5_000;
/** Seconds since 1970 of the year 10000: an `exp` beyond is no time. */
const endOfTime = 253_402_300_800;

/** An issuer that is trusted, and where its keys come from. */
export interface TrustedIssuer {
  readonly config: BearerIssuerConfig;
  readonly keys: IssuerKeys;
}

export interface BearerAuthenticatorOptions {
  readonly issuers: readonly TrustedIssuer[];
  /** False when the user name is somebody else's; account bindings fit. Rejects with `store-unavailable`. */
  readonly owns: (identity: Identity) => Promise<boolean>;
  /** Names are looked at anew when the local users change. */
  readonly directory: Pick<UserDirectory, 'revision'>;
  readonly runtime: Runtime;
}

type Verdict = Authenticated | { readonly refused: string };

/**
 * Believes JWTs that machines send with each request (RFC 6750, RFC 7519), from the configured issuers. The issuer is told by
 * `iss`, letter by letter; a token of anybody else is the app's own business. What was verified is kept by its digest under
 * a key of this process, until its end, or until the issuer's keys change.
 * Rejects with `issuer-unavailable` when an issuer's keys are not known and can't be fetched.
 */
export function createBearerAuthenticator(options: BearerAuthenticatorOptions): Authenticator {
  const { issuers, runtime } = options;
  const digestKey = runtime.randomBytes(32);
  const trusted = new Map(issuers.map((issuer) => [issuer.config.issuer, createVerifier(issuer, options, digestKey)]));

  return (facts, scope): Authentication | Promise<Authentication> => {
    if (trusted.size === 0 || !scope.acceptTokens) return none;
    const token = readBearerToken(facts);
    const jwt = token === null ? null : claimedJwtOf(token);
    const issuer = jwt?.payload['iss'];
    const verify = typeof issuer === 'string' ? trusted.get(issuer) : undefined;
    if (jwt === null || verify === undefined) return none;
    const verdict = verify(jwt);
    return verdict instanceof Promise ? verdict.then((settled) => answer(settled, facts)) : answer(verdict, facts);
  };

  function answer(verdict: Verdict, facts: RequestFacts): Authentication {
    if (!('refused' in verdict)) return verdict;
    const request = { requestId: facts.id, address: facts.clientAddress, host: facts.host };
    runtime.log.info('bearer.refused', { audit: true, ...request, reason: verdict.refused });
    return rejected(verdict.refused);
  }
}

const none = { kind: 'none' } as const;
const noAmr: readonly string[] = [];

function rejected(reason: string): Rejected {
  return { kind: 'rejected', reason, clearSessionCookie: false, retryAfterSeconds: null, scheme: 'bearer' };
}

function createVerifier({ config, keys }: TrustedIssuer, options: BearerAuthenticatorOptions, digestKey: Buffer) {
  const { owns, directory } = options;
  const { now } = options.runtime;
  // Both only grow, so that their sum is another one when either is.
  const revision = (): number => keys.generation() + directory.revision;
  const verified = createVerifiedCache<Authenticated>({ maxEntries: maxVerified, now });
  // Requests that come together with one token wait for one check.
  const underWay = new Map<string, Promise<Verdict>>();

  const verify = async (jwt: ClaimedJwt, digest: string): Promise<Verdict> => {
    const wrong = wrongHeader(jwt, config);
    if (wrong !== null) return { refused: wrong };
    const key = await keys.find(jwt.header);
    if (key === null) return { refused: 'token-key-unknown' };
    const before = revision();
    const checked = await check(jwt.token, key, config, now());
    if ('refused' in checked) return checked;
    const { payload } = checked;
    const wrongPayload = wrongClaims(payload, config, now());
    if (wrongPayload !== null) return { refused: wrongPayload };
    const identity = identityOfToken(payload, config);
    if (identity === null) return { refused: 'token-claims' };
    if (!(await owns(identity))) return { refused: 'name-taken' };
    const endsAtMs = Number(payload['exp']) * 1_000;
    const answer: Authenticated = {
      kind: 'authenticated',
      identity,
      session: null,
      consumesAuthorization: true,
      // A machine has no second factor, and was never "just now" at the keyboard.
      secondFactor: false,
      authenticatedAtMs: 0,
      amr: noAmr,
      endsAtMs: endsAtMs + config.clockSkew,
    };
    verified.put(digest, answer, before, Math.min(endsAtMs, now() + believedForMs));
    return answer;
  };

  return (jwt: ClaimedJwt): Verdict | Promise<Verdict> => {
    const digest = createHmac('sha256', digestKey).update(jwt.token).digest('base64url');
    const known = verified.get(digest, revision());
    if (known !== undefined) return known;
    const running = underWay.get(digest);
    if (running !== undefined) return running;
    const started = verify(jwt, digest).finally(() => underWay.delete(digest));
    underWay.set(digest, started);
    return started;
  };
}

/** What of the header rules a token out before any key is looked for; keys that it brings along are not looked at at all. */
function wrongHeader({ header }: ClaimedJwt, { algorithms, typ }: BearerIssuerConfig): string | null {
  const { alg } = header;
  if (!algorithms.some((name) => name === alg)) return 'token-algorithm';
  // RFC 7515 §4.1.11: extensions that must be understood, and none is.
  if ('crit' in header || 'b64' in header) return 'token-critical';
  const kid = header['kid'];
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 512)) return 'token-key-unknown';
  const type = mediaType(header['typ']);
  if (typ !== undefined) return type === mediaType(typ) ? null : 'token-type';
  return type === 'jwt' || type === 'at+jwt' || type === '' ? null : 'token-type';
}

/** RFC 7515 §4.1.9: `application/` may be left out. */
function mediaType(typ: unknown): string {
  if (typ === undefined) return '';
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : 'unreadable';
}

/** What jose does not ask. */
function wrongClaims(
  payload: Readonly<Record<string, unknown>>,
  config: BearerIssuerConfig,
  nowMs: number,
): string | null {
  // RFC 7800, RFC 8705, RFC 9449: only good together with a key, which nobody has shown here.
  if (payload['cnf'] !== undefined) return 'token-bound';
  // OpenID Connect Back-Channel Logout, RFC 8417: speaks of an event.
  if (payload['events'] !== undefined) return 'token-type';
  const { exp, iat } = payload;
  if (typeof exp !== 'number' || !(exp < endOfTime)) return 'token-claims';
  if (iat !== undefined && (typeof iat !== 'number' || !(iat * 1_000 <= nowMs + config.clockSkew)))
    return 'token-not-yet-valid';
  return hasClaims(payload, config.requiredClaims) ? null : 'token-claims';
}

async function check(
  token: string,
  key: Awaited<ReturnType<IssuerKeys['find']>> & object,
  { issuer, audience, algorithms, clockSkew }: BearerIssuerConfig,
  nowMs: number,
): Promise<{ readonly payload: Readonly<Record<string, unknown>> } | { readonly refused: string }> {
  try {
    return await jwtVerify(token, key, {
      issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance: clockSkew / 1_000,
      requiredClaims: ['exp', 'aud'],
      currentDate: new Date(nowMs),
    });
  } catch (error) {
    if (error instanceof errors.JOSEError) return { refused: reasonOf(error) };
    throw error;
  }
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'token-expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'token-signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'token-algorithm';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'token-audience';
    return error.claim === 'nbf' ? 'token-not-yet-valid' : 'token-claims';
  }
  return 'token-malformed';
}
