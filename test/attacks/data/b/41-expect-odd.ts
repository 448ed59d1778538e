import { bad, denied, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B41',
  slug: 'expect-odd',
  behaviour: 'invites no body that it will not take, and knows one expectation only',
  cases: [
    {
      name: '100-continue on a denied POST',
      method: 'POST',
      target: '/private/x',
      headers: ['Expect: 100-continue', 'Content-Length: 5'],
      expect: { ...denied, interim: [] },
    },
    {
      name: '100-continue on a denied GET navigation',
      target: '/private/x',
      headers: ['Expect: 100-continue', 'Accept: text/html'],
      expect: { ...denied, interim: [] },
    },
    {
      name: '100-continue at a missing route',
      method: 'POST',
      target: '/nowhere',
      headers: ['Expect: 100-continue', 'Content-Length: 5'],
      expect: { status: 404, upstream: 'nothing', interim: [] },
    },
    {
      name: '100-continue on an allowed POST',
      method: 'POST',
      target: '/public/x',
      headers: ['Expect: 100-continue'],
      body: 'hello',
      expect: passes({ body: 'hello', headers: { expect: [] } }),
    },
    ...[
      ['foo'],
      ['y 100-continue'],
      ['100-continue, foo'],
      ['100-continue', '100-continue'],
      ['100-continue', 'foo'],
      [''],
    ].map((values) => ({
      name: JSON.stringify(values),
      method: 'POST',
      target: '/public/x',
      headers: values.map((value) => `Expect: ${value}`),
      body: 'hello',
      expect: bad(417, 400),
    })),
  ],
};
