import { passes, type Attack } from '../../../support/attack.ts';

const hop = {
  TE: 'trailers',
  Trailer: 'x',
  'Keep-Alive': 'timeout=1',
  'Proxy-Connection': 'x',
  'Proxy-Authorization': 'Basic eDp5',
  'Proxy-Authenticate': 'x',
  'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA',
};
const gone = Object.fromEntries(Object.keys(hop).map((name) => [name.toLowerCase(), []]));
const lines = Object.entries(hop).map(([name, value]) => `${name}: ${value}`);

export const attack: Attack = {
  id: 'A12',
  slug: 'hop-std',
  behaviour: 'passes no hop-by-hop header on',
  cases: [
    { name: 'all, public', target: '/public/x', headers: lines, expect: passes({ headers: gone }) },
    { name: 'all, signed in', as: 'alice', target: '/private/x', headers: lines, expect: passes({ headers: gone }) },
    ...lines.map((line) => ({ name: line, target: '/public/x', headers: [line], expect: passes({ headers: gone }) })),
    {
      name: 'what Connection names, in any case',
      target: '/public/x',
      headers: ['Connection: close, x-hop, X-Other', 'X-Hop: evil', 'x-HOP: evil', 'X-OTHER: evil', 'X-Stays: 1'],
      expect: passes({ headers: { 'x-hop': [], 'x-other': [], 'x-stays': '1' } }),
    },
    {
      name: 'Upgrade without Connection',
      target: '/public/x',
      headers: ['Upgrade: foo'],
      doors: ['http'],
      expect: passes({ headers: { upgrade: [] } }),
    },
  ],
};
