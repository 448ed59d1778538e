import { bad, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C73',
  slug: 'rewrite-inject',
  behaviour: 'takes the rest of a stripped path literally',
  gateway: 'stripped',
  cases: [
    ...['/$1', '/$&', '/%24%26', "/$'", '/$`', '/$$', '/{path}', '/%7Bx%7D', '/app1', '/app1/app1'].map((rest) => ({
      name: rest,
      target: `/app1${rest}`,
      expect: passes({ target: rest }),
    })),
    { name: '..', target: '/app1/..', expect: bad() },
  ],
};
