import { STATUS_CODES } from 'node:http';
import type { Answer } from './answer.ts';

/** A problem for programs (RFC 9457). Texts are English and stable; nothing of upstreams, rules or other users. */
export interface Problem {
  readonly status: number;
  /** What happened and what to do next, one sentence. */
  readonly detail: string;
  /** Stable kebab-case slug, the same in log and metric. */
  readonly reason: string;
  readonly requestId: string | null;
  readonly signInUrl?: string;
  readonly stepUpUrl?: string;
}

/** Writes a problem as an answer; `headers` come before the content type (security headers, challenges). */
export function problemAnswer(problem: Problem, headers: Answer['headers']): Answer {
  const { status, detail, reason, requestId, ...links } = problem;
  const document = {
    // RFC 9457 §4.2.1: with about:blank the title is the phrase of the status
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    reason,
    ...(requestId === null ? {} : { requestId }),
    ...links,
  };
  return {
    status,
    headers: [...headers, ['Content-Type', 'application/problem+json']],
    body: `${JSON.stringify(document)}\n`,
  };
}
