import { passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B38',
  slug: 'get-body',
  behaviour: 'forwards a body on GET and HEAD framed by its length',
  cases: ['GET', 'HEAD', 'DELETE', 'OPTIONS'].map((method) => ({
    name: method,
    as: 'alice' as const,
    method,
    target: '/private/x',
    headers: ['Content-Length: 5'],
    body: 'hello',
    expect: passes({ method, body: 'hello', headers: { 'content-length': '5', 'transfer-encoding': [] } }),
  })),
};
