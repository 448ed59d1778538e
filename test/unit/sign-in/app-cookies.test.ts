import test from 'ava';
import { expireAppCookies } from '../../../src/sign-in/app-cookies.ts';

const end = '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT';

test('expires the cookies that the routes of this host name, wherever they may stand', (t) => {
  const routes = [
    { host: 'app.test', path: '/wiki', clearCookies: ['JSESSIONID'] },
    { host: '*.test', path: '/', clearCookies: ['__Host-sid'] },
    { host: null, path: '/', clearCookies: ['sid'] },
    { host: 'other.test', path: '/', clearCookies: ['never'] },
  ];
  t.deepEqual(expireAppCookies(routes, { host: 'app.test', scheme: 'https' }), [
    `JSESSIONID=; Path=/; Secure${end}`,
    `JSESSIONID=; Path=/; Domain=app.test; Secure${end}`,
    `JSESSIONID=; Path=/wiki; Secure${end}`,
    `JSESSIONID=; Path=/wiki; Domain=app.test; Secure${end}`,
    `__Host-sid=; Path=/; Secure${end}`,
    `sid=; Path=/; Secure${end}`,
    `sid=; Path=/; Domain=app.test; Secure${end}`,
  ]);
});

test('names no domain where cookies have none', (t) => {
  const routes = [{ host: null, path: '/', clearCookies: ['sid'] }];
  for (const host of ['localhost', '127.0.0.1', '[::1]'])
    t.deepEqual(expireAppCookies(routes, { host, scheme: 'http' }), [`sid=; Path=/${end}`], host);
});

test('names each cookie once, and none where no route asks for it', (t) => {
  const route = { host: null, path: '/', clearCookies: ['sid'] };
  t.is(expireAppCookies([route, route], { host: 'localhost', scheme: 'http' }).length, 1);
  t.deepEqual(expireAppCookies([{ ...route, clearCookies: [] }], { host: 'localhost', scheme: 'http' }), []);
});
