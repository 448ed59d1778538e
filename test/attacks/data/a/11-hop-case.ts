import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

const survives = {
  ...remoteHeadersOf('alice'),
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'app.test',
  'x-real-ip': [],
};

export const attack: Attack = {
  id: 'A11',
  slug: 'hop-case',
  behaviour: 'keeps what it sets although Connection names it, however that is written',
  cases: [
    ['connection: remote-user, REMOTE-GROUPS'],
    ['Connection: keep-alive', 'CONNECTION: Remote-User'],
    ['Connection: close, x-real-ip, x-forwarded-for'],
    ['Connection: close, X-Forwarded-Host,X-Forwarded-Proto ,,Remote-User', 'X-Real-IP: 6.6.6.6'],
    ['Connection: , ,Remote-User,'],
    ['Connection: Upgrade, Remote-User, X-Forwarded-For'],
  ].map((headers) => ({
    name: headers.join(' / '),
    as: 'alice',
    target: '/private/x',
    headers,
    expect: passes({ headers: survives }),
  })),
};
