import { bad, type Attack } from '../../../support/attack.ts';

const lines = {
  'space before the colon': 'Remote-User : evil',
  'tab before the colon': 'Remote-User\t: evil',
  'vertical tab in the name': 'Remote-User\x0b: evil',
  'form feed in the name': 'Remote-User\x0c: evil',
  'NEL in the name': 'Remote-User\x85: evil',
  'high byte before the name': '\xefRemote-User: evil',
  'byte order mark before the name': '\xef\xbb\xbfRemote-User: evil',
  'space within the name': 'Remote User: evil',
  'quoted name': '"Remote-User": evil',
  'slash in the name': 'Remote/User: evil',
  'NUL in the name': 'Remote\x00User: evil',
  'NUL in the value': 'X-Any: a\x00Remote-User: evil',
};

export const attack: Attack = {
  id: 'A8',
  slug: 'alias-invalid',
  behaviour: 'refuses header names that are no tokens',
  cases: Object.entries(lines).flatMap(([name, line]) => [
    { name, as: 'alice', target: '/private/x', headers: ['X-First: 1', line], expect: bad() },
    { name: `${name}, public`, target: '/public/x', headers: ['X-First: 1', line], expect: bad() },
    // As the first line it would continue the request line.
    {
      name: `${name}, first of all`,
      raw: `GET /public/x HTTP/1.1\r\n${line}\r\nHost: app.test\r\n\r\n`,
      expect: bad(),
    },
    {
      name: `leading space, ${name}`,
      raw: `GET /public/x HTTP/1.1\r\nHost: app.test\r\n ${line}\r\n\r\n`,
      expect: bad(),
    },
  ]),
};
