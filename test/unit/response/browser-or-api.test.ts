import test from 'ava';
import { isNavigation } from '../../../src/response/browser-or-api.ts';
import { factsOf, type FactsInput } from './support.ts';

const html = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };

const navigations: [string, FactsInput][] = [
  ['GET that accepts text/html', { headers: html }],
  ['HEAD that accepts text/html', { method: 'HEAD', headers: html }],
  ['GET that a browser calls a navigation', { headers: { ...html, ...navigate } }],
  ['a navigation with any Accept', { headers: { ...navigate, accept: '*/*' } }],
  ['a navigation without Accept', { headers: navigate }],
  ['a frame', { headers: { ...html, ...navigate, 'sec-fetch-dest': 'iframe' } }],
  ['Accept in capitals', { headers: { accept: 'TEXT/HTML' } }],
  ['text/html with a low weight', { headers: { accept: 'application/json, text/html;q=0.1' } }],
];

const calls: [string, FactsInput][] = [
  ['no Accept', {}],
  ['Accept */*', { headers: { accept: '*/*' } }],
  ['Accept JSON', { headers: { accept: 'application/json' } }],
  ['text/html ruled out', { headers: { accept: 'text/html;q=0, */*' } }],
  ['text/html ruled out with decimals', { headers: { accept: 'text/html; level=1; q=0.000' } }],
  ['a type that only begins so', { headers: { accept: 'text/html5' } }],
  ['POST', { method: 'POST', headers: { ...html, ...navigate } }],
  ['PROPFIND', { method: 'PROPFIND', headers: html }],
  ['X-Requested-With', { headers: { ...html, 'x-requested-with': 'XMLHttpRequest' } }],
  ['fetch, cors', { headers: { ...html, 'sec-fetch-mode': 'cors' } }],
  ['fetch, same-origin', { headers: { ...html, 'sec-fetch-mode': 'same-origin' } }],
  ['a picture', { headers: { ...html, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' } }],
  ['destination empty', { headers: { ...html, 'sec-fetch-dest': 'empty' } }],
  ['a manifest', { headers: { ...html, 'sec-fetch-dest': 'manifest' } }],
  ['a service worker', { headers: { ...html, 'sec-fetch-dest': 'serviceworker' } }],
  ['a service worker by its own header', { headers: { ...html, 'service-worker': 'script' } }],
  ['a navigation that wants JSON', { headers: { ...navigate, accept: 'application/json' } }],
  ['an upgrade', { headers: html, upgrade: ['websocket'] }],
];

for (const [name, input] of navigations)
  test(`leads a person to a page: ${name}`, (t) => t.true(isNavigation(factsOf(input))));
for (const [name, input] of calls) test(`answers a program: ${name}`, (t) => t.false(isNavigation(factsOf(input))));
