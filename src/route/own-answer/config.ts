import { z } from 'zod';
import { integer } from '../../quantities.ts';

/** What a route answers by itself, without an upstream. */
export type OwnAnswer = RedirectAnswer | FixedAnswer;

export interface RedirectAnswer {
  readonly kind: 'redirect';
  /** Absolute http(s) URL, or a path on the visitor's own host. Visible ASCII. */
  readonly to: string;
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** What stands behind the route's path is put behind `to`, and the query with it. */
  readonly keepPath: boolean;
}

export interface FixedAnswer {
  readonly kind: 'respond';
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

const targetMessage = 'is not a place to go to; write https://HOST/path or /path';

/** A path must not be read as a host: neither `//x` nor `/\x`. */
const redirectTarget = z
  .string()
  .max(2_000)
  .regex(/^[\x21-\x7e]+$/, 'holds a space or a character outside ASCII; write it percent-encoded')
  .refine((text) => isAbsolute(text) || /^\/(?![/\\])/.test(text), targetMessage)
  .refine((text) => !text.includes('\\'), 'holds a backslash, which some browsers read as /');

function isAbsolute(text: string): boolean {
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

const status = z
  .union([301, 302, 303, 307, 308].map((code) => z.literal(code as RedirectAnswer['status'])))
  .prefault(302);

export const redirectConfig = z
  .union([
    redirectTarget.transform((to): RedirectAnswer => ({ kind: 'redirect', to, status: 302, keepPath: false })),
    z
      .strictObject({
        to: redirectTarget.describe('`https://HOST/path`, or `/path` on the same host.'),
        status: status.describe('301 and 308: for good, remembered by browsers; 307 and 308 keep method and body.'),
        keepPath: z
          .boolean()
          .prefault(false)
          .describe("Put what stands behind the route's `path`, and the query, behind `to`."),
      })
      .refine(({ to, keepPath }) => !keepPath || !/[?#]/.test(to), {
        path: ['to'],
        message: 'holds a query or fragment, behind which no path can stand; take it or keepPath away',
      })
      .transform((redirect): RedirectAnswer => ({ kind: 'redirect', ...redirect })),
  ])
  .describe('Instead of `upstream`: sends visitors elsewhere, to a URL or a path. A mapping says more.');

export const respondConfig = z
  .strictObject({
    status: integer(200, 599).prefault(200).describe('Status of the answer, 200 to 599.'),
    body: z.string().prefault('').describe('Text, sent as UTF-8.'),
    contentType: z
      .string()
      .regex(
        /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( ?; ?[\w-]+=("[\w .,:/+-]*"|[\w.+-]+))*$/,
        'is not a media type; write text/plain; charset=utf-8',
      )
      .prefault('text/plain; charset=utf-8')
      .describe('`Content-Type` of the answer.'),
  })
  .refine(({ status: code, body }) => body === '' || ![204, 205, 304].includes(code), {
    path: ['body'],
    message: 'stands beside a status whose answers never have a body (204, 205, 304); take one of them away',
  })
  .transform((answer): FixedAnswer => ({ kind: 'respond', ...answer }))
  .describe('Instead of `upstream`: answers with this.');
