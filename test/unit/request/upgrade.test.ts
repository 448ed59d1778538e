import test from 'ava';
import { wantsUpgrade } from '../../../src/request/upgrade.ts';
import { factsOf, message, refusalOf, type MessageParts } from './support.ts';

const host = 'Host: app.test';
const asks = (upgrade: string, ...more: string[]): MessageParts => ({
  lines: [host, 'Connection: keep-alive, Upgrade', `Upgrade: ${upgrade}`, ...more],
});

test('reads the protocol that a request wants to change to', (t) => {
  for (const upgrade of ['websocket', 'WebSocket']) {
    t.deepEqual(factsOf(asks(upgrade)).upgrade, ['websocket']);
    t.true(wantsUpgrade(message(asks(upgrade))));
  }
  t.deepEqual(factsOf({ ...asks('tcp'), method: 'POST' }).upgrade, ['tcp']);
});

test('stays with plain HTTP where nothing is asked for in earnest', (t) => {
  const plain: readonly MessageParts[] = [
    { lines: [host] },
    { lines: [host, 'Upgrade: foo'] },
    { lines: [host, 'Connection: Upgrade'] },
    { ...asks('websocket'), httpVersion: '1.0' },
    asks('h2c', 'HTTP2-Settings: AAMAAABk'),
  ];
  for (const parts of plain) {
    t.deepEqual(factsOf(parts).upgrade, []);
    t.false(wantsUpgrade(message(parts)));
  }
});

test('refuses protocols that would carry requests past the gate, lists, and bodies', (t) => {
  const refused: readonly (readonly [MessageParts, string])[] = [
    [asks('h2c'), '400 upgrade-not-supported'],
    [asks('TLS/1.0'), '400 upgrade-not-supported'],
    [asks('HTTP/2.0'), '400 upgrade-not-supported'],
    [asks('websocket, h2c'), '400 bad-upgrade'],
    [asks('h2c, websocket', 'HTTP2-Settings: x'), '400 bad-upgrade'],
    [asks('websocket', 'Upgrade: h2c'), '400 bad-upgrade'],
    [asks('web socket'), '400 bad-upgrade'],
    [asks(','), '400 bad-upgrade'],
    [{ ...asks('websocket'), method: 'POST' }, '400 bad-upgrade-method'],
    [asks('websocket', 'Content-Length: 5'), '400 upgrade-with-body'],
    [asks('foo', 'Transfer-Encoding: chunked'), '400 upgrade-with-body'],
  ];
  for (const [parts, refusal] of refused) {
    t.is(refusalOf(parts), refusal);
    t.false(wantsUpgrade(message(parts)));
  }
});
