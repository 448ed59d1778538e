import { newTokenText } from '../../../../src/access-token/token-text.ts';
import { passes, type Attack, type AttackCase } from '../../../support/attack.ts';
import { encodePart } from '../../../support/token-issuer.ts';

const issuer = 'https://issuer.test';
const accessToken = newTokenText(() => Buffer.alloc(32, 7));
const claims = { iss: issuer, aud: 'api', sub: 'admin', groups: ['admins'], exp: 4_000_000_000 };
const forged = (head: object, more: object = {}) => `${encodePart(head)}.${encodePart({ ...claims, ...more })}.AAAA`;
const none = forged({ alg: 'none' });
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const routes = ['public', 'private', 'admin', 'people'].map((id) => ({
  id,
  host: 'app.test',
  path: `/${id}`,
  upstream: '{UP}',
  access: id === 'public' ? 'public' : id === 'admin' ? [{ allow: { groups: ['admins'] } }] : 'signed-in',
  ...(id === 'people' ? { acceptTokens: false } : {}),
}));

/** What is refused wherever somebody must be known, also beside a good session. */
const credentials: readonly (readonly [name: string, value: string])[] = [
  ['an access token that nobody made', `Bearer ${accessToken}`],
  ['the same as a password', basic('alice', accessToken)],
  ['an unsigned JWT', `Bearer ${none}`],
  ['a JWT signed with the public key for a secret', `Bearer ${forged({ alg: 'HS256', kid: 'k' })}`],
  ['a JWT that brings its key', `bearer ${forged({ alg: 'ES512', jwk: { kty: 'EC' }, jku: 'https://evil.test' })}`],
  ['a JWT with an extension', `Bearer ${forged({ alg: 'ES256', crit: ['x'], x: 1 })}`],
];

export const attack: Attack = {
  id: 'A13',
  slug: 'own-tokens',
  behaviour: 'refuses tokens of its own kinds that are not good, and lets none of them through to an app',
  gateway: {
    server: { publicUrl: 'https://app.test' },
    // Nobody is there to ask for keys: all of these fail before.
    bearer: [{ issuer, audience: 'api', jwksUrl: 'https://127.0.0.1:1/keys' }],
    routes,
  },
  cases: [
    ...credentials.flatMap(([name, value]): readonly AttackCase[] => [
      ...(['/private/x', '/admin/x'] as const).map((target) => ({
        name: `${name} at ${target}`,
        target,
        headers: [`Authorization: ${value}`],
        expect: { status: 401, upstream: 'nothing' } as const,
      })),
      {
        name: `${name} beside a session`,
        as: 'alice',
        target: '/private/x',
        headers: [`Authorization: ${value}`],
        expect: { status: 401, upstream: 'nothing' },
      },
      {
        name: `${name} where anyone may pass`,
        target: '/public/x',
        headers: [`Authorization: ${value}`],
        expect: passes({ headers: { authorization: [], 'remote-user': [] } }),
      },
    ]),
    {
      name: 'an access token as the user name of Basic',
      target: '/public/x',
      headers: [`Authorization: ${basic(accessToken, 'x-oauth-basic')}`],
      expect: passes({ headers: { authorization: [] } }),
    },
    {
      name: 'an access token where only people may be',
      as: 'alice',
      target: '/people/x',
      headers: [`Authorization: Bearer ${accessToken}`],
      expect: { status: 401, upstream: 'nothing' },
    },
    {
      name: "a JWT of ours where machines don't sign in",
      as: 'alice',
      target: '/people/x',
      headers: [`Authorization: Bearer ${none}`],
      expect: passes({ headers: { authorization: `Bearer ${none}`, 'remote-user': 'alice' } }),
    },
    {
      name: 'a JWT of somebody else beside a session',
      as: 'alice',
      target: '/private/x',
      headers: [`Authorization: Bearer ${forged({ alg: 'none' }, { iss: `${issuer}/` })}`],
      expect: passes({
        headers: { authorization: `Bearer ${forged({ alg: 'none' }, { iss: `${issuer}/` })}`, 'remote-user': 'alice' },
      }),
    },
  ],
};
