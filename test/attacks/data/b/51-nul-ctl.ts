import { bad, type Attack } from '../../../support/attack.ts';

const controls = [...Array.from({ length: 32 }, (_, code) => code), 127].map((code) => String.fromCharCode(code));
const named = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

export const attack: Attack = {
  id: 'B51',
  slug: 'nul-ctl',
  behaviour: 'refuses control characters in target, header name and value',
  cases: controls.flatMap((character) => [
    {
      name: `${named(character)} in the path`,
      raw: `GET /public/a${character}b HTTP/1.1\r\nHost: app.test\r\n\r\n`,
      expect: bad(400, 505),
    },
    {
      name: `${named(character)} in the query`,
      raw: `GET /public/a?x=${character}b HTTP/1.1\r\nHost: app.test\r\n\r\n`,
      expect: bad(400, 505),
    },
    {
      name: `${named(character)} in a header name`,
      raw: `GET /public/a HTTP/1.1\r\nHost: app.test\r\nX-A${character}b: 1\r\n\r\n`,
      expect: bad(),
    },
    // A tab is white space within a value.
    ...(character === '\t'
      ? []
      : [
          {
            name: `${named(character)} in a header value`,
            raw: `GET /public/a HTTP/1.1\r\nHost: app.test\r\nX-A: a${character}b\r\n\r\n`,
            expect: bad(),
          },
        ]),
  ]),
};
