import { z } from 'zod';

/** Framing, connection and handshake: whoever changes these makes another message of it. Written by the gateway alone. */
const framingNames =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|date|http2-settings|(proxy|sec-websocket)-.*)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'is not a header name; use letters, digits and -')
  .refine((name) => !framingNames.test(name), 'belongs to the connection or the framing; the gateway writes it');

/** Text that fits on one header line. */
const headerValue = z
  .string()
  .max(4_096)
  .regex(/^\P{Cc}*$/u, 'holds a line break or control character')
  .refine((text) => text.trim() === text, 'begins or ends with a space');

function changes(takenFromSet: RegExp, messageOfTaken: string, about: string) {
  const settable = headerName.refine((name) => !takenFromSet.test(name), messageOfTaken);
  return z
    .strictObject({
      set: z
        .record(settable, headerValue)
        .prefault({})
        .describe('Headers by name, each with one value, in place of what came.'),
      remove: z.array(headerName).prefault([]).describe('Names of headers that do not pass.'),
    })
    .superRefine(({ set, remove }, context) => {
      const seen = new Set<string>();
      const places = [
        ...Object.keys(set).map((name) => ({ name, path: ['set', name] })),
        ...remove.map((name, index) => ({ name, path: ['remove', index] })),
      ];
      for (const { name, path } of places) {
        if (seen.has(name.toLowerCase()))
          context.addIssue({
            code: 'custom',
            path,
            message: 'stands twice; names of headers are the same in upper and lower case, and set also removes',
          });
        seen.add(name.toLowerCase());
      }
    })
    .describe(about);
}

export const requestHeadersConfig = changes(
  /^(cookie|destination)$/i,
  "is the visitor's own and part of what was judged; it can be removed, not set",
  'Headers set or removed on the way to the app, never those of the gateway.',
);

export const responseHeadersConfig = changes(
  /^set-cookie$/i,
  'is for one visitor, and a fixed one would be for everybody; it can be removed, not set',
  'Headers set or removed on the way to the visitor, of answers of the app and of `redirect` and `respond`.',
);

/** Changes to headers as configured. */
export type HeaderChangesConfig = z.output<typeof requestHeadersConfig>;
