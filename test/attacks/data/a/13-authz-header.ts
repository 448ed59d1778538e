import { bad, denied, passes, type Attack } from '../../../support/attack.ts';
import { passwordOf } from '../../../support/users.ts';

const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64');

export const attack: Attack = {
  id: 'A13',
  slug: 'authz-header',
  behaviour: "passes the app's own Authorization and removes one that it consumed",
  cases: [
    {
      name: 'Bearer that is none of ours',
      as: 'alice',
      target: '/private/x',
      headers: ['Authorization: Bearer x'],
      expect: passes({ headers: { authorization: 'Bearer x' } }),
    },
    {
      name: 'Basic on a route that does not take it, public',
      target: '/public/x',
      headers: ['authorization: Basic YTpi'],
      expect: passes({ headers: { authorization: 'Basic YTpi' } }),
    },
    {
      name: 'Basic on a route that does not take it, with a good password and no session',
      target: '/private/x',
      headers: [`Authorization: Basic ${basic('alice', passwordOf('alice'))}`],
      expect: denied,
    },
    {
      name: 'Basic that signed in here',
      as: 'alice',
      target: '/basic/x',
      headers: [`Authorization: Basic ${basic('alice', passwordOf('alice'))}`, 'Cookie: {session}'],
      expect: passes({ headers: { authorization: [], 'remote-user': 'alice' } }),
    },
    {
      name: 'Basic with a wrong password beside a good session',
      as: 'alice',
      target: '/basic/x',
      headers: [`Authorization: Basic ${basic('alice', 'wrong')}`],
      expect: { status: 401, upstream: 'nothing' },
    },
    ...['/public/x', '/private/x', '/basic/x'].map((target) => ({
      name: `two lines at ${target}`,
      as: 'alice' as const,
      target,
      headers: ['Authorization: Bearer x', 'authorization: Bearer y'],
      expect: bad(),
    })),
  ],
};
