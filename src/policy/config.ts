import { z } from 'zod';
import { duration } from '../quantities.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { networkText } from '../request/client-address.ts';
import { canonicalEmail } from './criteria/email.ts';
import { globFault } from './criteria/glob.ts';
import { readHours } from './criteria/hours.ts';

/** One value or a list of values; the parsed value is always a list. */
function oneOrMany<T extends z.ZodType>(kind: T) {
  return z.union([kind.transform((value) => [value]), z.array(kind).min(1)]);
}

const text = z.string().min(1).max(1_000);

/** Text that a function finds fault with, in words that go into the message. */
function textWithout(faultOf: (value: string) => string | null, maxLength = 500) {
  return z
    .string()
    .max(maxLength)
    .superRefine((value, context) => {
      const message = faultOf(value);
      if (message !== null) context.addIssue({ code: 'custom', message });
    });
}

const userName = textWithout((value) => (canonicalUserName(value) === null ? 'can not be a user name' : null));
const email = textWithout((value) =>
  canonicalEmail(value) === null ? 'is not an email address; write alice@example.com' : null,
);
const emailDomain = textWithout((value) =>
  canonicalEmail(`a@${value}`) === null ? 'is not a domain; write example.com (and xn--… for other letters)' : null,
);

const whoKeys = z
  .strictObject({
    users: oneOrMany(userName).optional().describe('User names.'),
    groups: oneOrMany(text).optional().describe('Group names.'),
    emails: oneOrMany(email).optional().describe('E-mail addresses.'),
    emailDomains: oneOrMany(emailDomain).optional().describe('What stands behind the `@`; subdomains do not count.'),
    methods: oneOrMany(text).optional().describe('Sign-in methods.'),
    claims: z
      .record(text, oneOrMany(text))
      .optional()
      .describe('Claims of the provider: each name with one of the values.'),
  })
  .refine(
    (value) => Object.values(value).some((entry) => entry !== undefined),
    'names nobody; write users, groups, emails, emailDomains, methods or claims, or signed-in',
  );

const whoOne = z.union([z.literal('anyone'), z.literal('signed-in'), whoKeys]);

/** Who a rule speaks of: any entry of the list fits; within an entry all keys must fit, within a key one value. */
const who = oneOrMany(whoOne);

/** A path glob: `*` within a segment, `**` across segments, everything else literal. */
const pathGlob = textWithout(globFault);

const hours = textWithout((value) => {
  const read = readHours(value);
  return 'fault' in read ? read.fault : null;
});

const when = z.strictObject({
  paths: oneOrMany(pathGlob).optional().describe('Globs: `*` within a segment, `**` across segments.'),
  methods: oneOrMany(z.string().regex(/^[A-Z][A-Z-]{0,31}$/, 'is not a method; write GET'))
    .optional()
    .describe('HTTP methods: `GET`.'),
  networks: oneOrMany(networkText()).optional().describe('Client address, CIDR.'),
  hosts: oneOrMany(z.string().regex(/^(\*\.)?[A-Za-z0-9.-]+$/, 'is not a host; write app.example.com or *.example.com'))
    .optional()
    .describe('Hosts, exact or `*.example.com`.'),
  hours: oneOrMany(hours)
    .optional()
    .describe(
      "`08:00-18:00`, `Mon-Fri 08:00-18:00`, `Sat,Sun 10:00-16:00 Europe/Berlin`; without a zone the machine's.",
    ),
});

const requirement = z
  .strictObject({
    secondFactor: z.boolean().optional().describe('A second factor must have been used.'),
    signedInWithin: duration()
      .refine((ms) => ms > 0, 'must be longer than 0')
      .optional()
      .describe('The sign-in must not be older.'),
  })
  .describe('What more a fitting visitor must have done.');

const rule = z.union([
  z.strictObject({
    allow: who.describe(
      'Lets in: `anyone` (no sign-in needed), `signed-in`, or those who fit all keys, in each key one value; a list: any of them.',
    ),
    when: when.optional(),
    require: requirement.optional(),
  }),
  z.strictObject({ deny: who.describe('Keeps out.'), when: when.optional() }),
]);

export const accessConfig = z
  .union([
    z.enum(['public', 'signed-in', 'second-factor']),
    z.array(rule).min(1, 'is an empty list, which lets nobody in; write at least one rule'),
  ])
  .describe(
    'Access rules; the first that fits decides, none fits: denied. Shorthands: `public`, `signed-in`, `second-factor`.',
  );

export type RuleConfig = z.output<typeof rule>;
export type WhoConfig = z.output<typeof whoOne>;
export type WhenConfig = z.output<typeof when>;
export type AccessConfig = z.output<typeof accessConfig>;
