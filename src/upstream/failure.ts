import { GatewayError, hasCode } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { placeOf } from '../route/upstream/config.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';

/** Names what went wrong with an upstream by the error's code; the message is for the log only. */
export function upstreamFailure(cause: unknown, target: UpstreamTarget): GatewayError {
  // The visitor's own doing, which ended the exchange.
  if (hasCode(cause, 'body-too-large')) return cause;
  const code = failureCode(codeOf(cause));
  return new GatewayError(code, `${doings[code]} ${placeOf(target)}`, { cause });
}

/** The upstream answered with something that can't be passed on. */
export function invalidAnswer(what: string, target: UpstreamTarget): GatewayError {
  return upstreamFailure(Object.assign(new Error(what), { code: 'HPE_INVALID' }), target);
}

/** The error speaks against the target; what goes wrong on our own side does not. */
export function isTargetsDoing({ code }: GatewayError): boolean {
  return code === 'upstream-unreachable' || code === 'upstream-timeout' || code === 'upstream-invalid';
}

type FailureCode = Extract<ErrorCode, 'upstream-unreachable' | 'upstream-timeout' | 'upstream-invalid' | 'internal'>;

const doings: Readonly<Record<FailureCode, string>> = {
  'upstream-unreachable': 'could not reach upstream',
  'upstream-timeout': 'waited too long for upstream',
  'upstream-invalid': 'could not understand the answer of upstream',
  internal: 'could not forward to upstream',
};

function failureCode(code: string): FailureCode {
  if (code.startsWith('HPE_') || code.startsWith('ERR_HTTP2_')) return 'upstream-invalid';
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return 'upstream-timeout';
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'ERR_INVALID_CHAR':
    case 'ERR_INVALID_HTTP_TOKEN':
    case 'ERR_HTTP_INVALID_STATUS_CODE':
      return 'upstream-invalid';
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
    case 'UND_ERR_NOT_SUPPORTED':
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return 'internal';
    default:
      return 'upstream-unreachable';
  }
}

/** `code` of an error of node or undici; of several attempts (`AggregateError`) that of the first. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return '';
}
