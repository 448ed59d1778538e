import type { ConfigObject, GatewayName } from './fixture.ts';
import type { FixtureName } from './users.ts';

/** A way in. Forward auth is to join these. */
export type Door = 'http' | 'upgrade';

/** What must come of one request. */
export interface Expectation {
  /** Status of the answer; one of these. On the upgrade door 200 stands for 101 as well. */
  readonly status: number | readonly number[];
  /** The gateway must close the connection after its answer. */
  readonly closed?: boolean;
  /** Closing without any answer is as good. */
  readonly orSilent?: boolean;
  /** Interim answers (1xx) before the answer. Default: any. */
  readonly interim?: readonly number[];
  readonly upstream:
    | 'nothing'
    /** Bytes may come, a whole request must not. */
    | 'no-request'
    /** Whatever it is, it is at most one request, and that by the rules that hold always. */
    | 'anything'
    | {
        /** Request target, byte for byte. */
        readonly target?: string;
        readonly method?: string;
        /** Exact values of headers by lower-case name; an empty list: the header must not be there. */
        readonly headers?: Readonly<Record<string, string | readonly string[]>>;
        readonly body?: string;
      };
  /** Header name → the value, a pattern, or null for "must not be there". */
  readonly answer?: Readonly<Record<string, string | RegExp | null>>;
  /** None of these may be in the answer, head or body. */
  readonly answerLacks?: readonly string[];
}

/**
 * One request. In every text `{session}` is the cookie pair of `as`, `{session:bob}` bob's, `{token}` the bare token,
 * `{cookie}` the cookie's name. Header values that must not reach the upstream hold the word `evil`: none ever may arrive.
 */
export interface AttackCase {
  readonly name: string;
  /** Who is signed in; their cookie is sent unless the headers place `{session}` themselves. Default: nobody. */
  readonly as?: FixtureName;
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** Host line; null for none. Default app.test. */
  readonly host?: string | null;
  /** Identity headers that may arrive, where the route's are not the `remote` set of `as`. */
  readonly identity?: Readonly<Record<string, string>>;
  /** Header lines as they go out, Latin-1. */
  readonly headers?: readonly string[];
  /** Content-Length is put in unless the headers say how the body is framed. */
  readonly body?: string;
  /** Instead of all of that: the bytes. Goes through the HTTP door only. */
  readonly raw?: string;
  /** Restricts the doors of the attack for this case. */
  readonly doors?: readonly Door[];
  /** `evil` may reach the upstream here (in a path, say). */
  readonly evilMayPass?: boolean;
  readonly expect: Expectation;
}

/** One check of the list: what must hold, and requests that try to break it. */
export interface Attack {
  /** Group letter and number of the check. */
  readonly id: string;
  readonly slug: string;
  /** What the gateway does, in the present tense. */
  readonly behaviour: string;
  /** A named gateway of the fixture, or a configuration. Default `plain`. */
  readonly gateway?: GatewayName | ConfigObject;
  /** Default: every door through which the cases make sense. */
  readonly doors?: readonly Door[];
  readonly cases: readonly AttackCase[];
}

/** Not allowed in: sign-in page, 401 or 403, never cached, upstream untouched. */
export const denied: Expectation = {
  status: [302, 303, 401, 403],
  upstream: 'nothing',
  answer: { 'cache-control': /no-store/ },
};

/** Signed in, and still refused. */
export const forbidden: Expectation = { status: 403, upstream: 'nothing', answer: { 'cache-control': /no-store/ } };

/** Refused as unreadable and the connection closed. */
export function bad(...statuses: readonly number[]): Expectation {
  return { status: statuses.length === 0 ? 400 : statuses, closed: true, upstream: 'nothing' };
}

/** Either refused or forwarded byte for byte, the choice is the gateway's. */
export const verbatimOrBad: Expectation = { status: [200, 400, 404], upstream: 'anything' };

/** Either unreadable or not allowed in; the upstream must not be reached. */
export const badOrDenied: Expectation = { status: [302, 303, 400, 401, 403, 404, 405], upstream: 'nothing' };

/** No such thing here. */
export const notFound: Expectation = { status: 404, upstream: 'nothing', answer: { 'cache-control': /no-store/ } };

/** Reaches the upstream, as told. */
export function passes(upstream: Exclude<Expectation['upstream'], string> = {}): Expectation {
  return { status: 200, upstream };
}

/** Signed-in headers that must not be there at all: what an anonymous request looks like to the upstream. */
export const anonymous: Readonly<Record<string, readonly string[]>> = {
  'remote-user': [],
  'remote-name': [],
  'remote-email': [],
  'remote-groups': [],
  'sallyport-jwt-assertion': [],
  cookie: [],
};
