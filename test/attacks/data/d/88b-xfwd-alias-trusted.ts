import { denied, passes, type Attack } from '../../../support/attack.ts';
import { everyForwardingHeader } from '../names.ts';

const spelt = [
  ...everyForwardingHeader.map((name) => name.replaceAll('-', '_')),
  ...everyForwardingHeader.map((name) => name.replaceAll('-', '.')),
  ...everyForwardingHeader.map((name) => name.replace('-', '_')),
].filter((name) => name !== 'Forwarded');

export const attack: Attack = {
  id: 'D88',
  slug: 'xfwd-alias',
  behaviour: 'drops forwarding headers in other spellings also from a trusted proxy',
  gateway: 'trusting',
  cases: [
    ...spelt.map((name) => ({ name, target: '/public/x', headers: [`${name}: evil`], expect: passes() })),
    {
      name: 'all at once, private',
      target: '/private/x',
      headers: spelt.map((name) => `${name}: /public/`),
      expect: denied,
    },
  ],
};
