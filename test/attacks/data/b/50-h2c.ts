import { denied, passes, type Attack } from '../../../support/attack.ts';

const headers = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'];
const plain = { upgrade: [], 'http2-settings': [] };

export const attack: Attack = {
  id: 'B50',
  slug: 'h2c',
  behaviour: 'serves a request that offers h2c as plain HTTP/1.1',
  doors: ['http'],
  cases: [
    { name: 'public', target: '/public/x', headers, expect: passes({ headers: plain }) },
    { name: 'private without a session', target: '/private/x', headers, expect: denied },
    { name: 'private with a session', as: 'alice', target: '/private/x', headers, expect: passes({ headers: plain }) },
    { name: 'admin as alice', as: 'alice', target: '/admin/x', headers, expect: { status: 403, upstream: 'nothing' } },
  ],
};
