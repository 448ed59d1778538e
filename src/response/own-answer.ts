import type { RequestFacts } from '../request/facts.ts';
import { rawPathBelow } from '../request/path.ts';
import { changeHeaders } from '../route/headers/changes.ts';
import type { AnsweringRoute } from '../route/table.ts';
import type { RedirectAnswer } from '../route/own-answer/config.ts';
import type { Answer } from './answer.ts';

type Asked = Pick<RequestFacts, 'rawPath' | 'rawQuery'>;

/** The answer of a route that has no upstream, for a request that its rules let through. The body is the one that GET gets. */
export function ownAnswer({ answer, path, responseHeaders }: AnsweringRoute, facts: Asked): Answer {
  const isForGood = answer.status === 301 || answer.status === 308;
  const headers =
    answer.kind === 'redirect'
      ? ['Location', locationOf(answer, path, facts), 'Cache-Control', isForGood ? 'private' : 'no-store']
      : ['Content-Type', answer.contentType, 'X-Content-Type-Options', 'nosniff', 'Cache-Control', 'no-store'];
  const changed = responseHeaders === null ? headers : changeHeaders(headers, responseHeaders);
  return {
    status: answer.status,
    headers: Array.from({ length: changed.length / 2 }, (_, index) => [
      changed[index * 2] ?? '',
      changed[index * 2 + 1] ?? '',
    ]),
    body: answer.kind === 'redirect' ? '' : answer.body,
  };
}

/** What is kept of the path begins with exactly one slash, so that no visitor chooses the host. */
function locationOf({ to, keepPath }: RedirectAnswer, prefix: string, { rawPath, rawQuery }: Asked): string {
  if (!keepPath) return to;
  const below = rawPathBelow(rawPath, prefix);
  return (below === '' ? to : to.replace(/\/$/, '') + below) + rawQuery;
}
