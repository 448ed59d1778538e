import { denied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C77',
  slug: 'preflight',
  behaviour: 'lets no CORS preflight through that is not allowed in',
  cases: ['/private/x', '/admin/x'].map((target) => ({
    name: target,
    method: 'OPTIONS',
    target,
    headers: [
      'Origin: https://evil.test',
      'Access-Control-Request-Method: POST',
      'Access-Control-Request-Headers: Remote-User',
    ],
    expect: { ...denied, answer: { 'access-control-allow-origin': null, 'access-control-allow-credentials': null } },
  })),
};
