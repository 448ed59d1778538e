/** Values of `WWW-Authenticate` (RFC 9110 §11.6.1). Each is a header of its own: some clients read only the first of a list. */

type Header = readonly [name: 'WWW-Authenticate', value: string];

/** For browsers: no scheme that they know, so that none asks for a password by itself. */
export const cookieChallenge: Header = ['WWW-Authenticate', 'Cookie realm="sallyport"'];

/** RFC 7617. A browser that gets it asks with a window of its own. */
export function basicChallenge(realm: string): Header {
  return ['WWW-Authenticate', `Basic realm=${quoted(realm)}, charset="UTF-8"`];
}

/** RFC 6750 §3, for a token that was not good. */
export function bearerChallenge(realm: string, reason: string): Header {
  const parameters = `realm=${quoted(realm)}, error="invalid_token", error_description=${quoted(reason)}`;
  return ['WWW-Authenticate', `Bearer ${parameters}`];
}

/** A quoted string (RFC 9110 §5.6.4), in ASCII. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
