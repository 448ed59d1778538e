/**
 * Every error code of the gateway, with the HTTP status that a visitor sees when it surprises us in mid-request.
 * No other file invents a code. Compare codes, never message texts.
 */
const statuses = {
  'bad-request': 400,
  'config-invalid': 500,
  'usage-invalid': 500,
  'listen-failed': 500,
  'store-unavailable': 503,
  'store-corrupt': 500,
  'users-file-invalid': 500,
  'password-hash-invalid': 500,
  'sign-in-busy': 503,
  'issuer-unavailable': 503,
  'directory-unavailable': 503,
  'directory-refused': 503,
  'upstream-unreachable': 502,
  'upstream-timeout': 504,
  'upstream-invalid': 502,
  'upstream-busy': 503,
  'client-gone': 499,
  'body-too-large': 413,
  'admin-unreachable': 500,
  'provider-unreachable': 503,
  'provider-invalid': 503,
  internal: 500,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof statuses;

/**
 * A surprise: something that should not have happened, told in operator's words.
 * `message` says what was being done, lower case, without a full stop; it never reaches a visitor.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  /** HTTP status for a visitor whose request met this error. */
  readonly status: number;

  constructor(code: ErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'GatewayError';
    this.code = code;
    this.status = statuses[code];
  }
}

/** True for a GatewayError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is GatewayError {
  return error instanceof GatewayError && error.code === code;
}
