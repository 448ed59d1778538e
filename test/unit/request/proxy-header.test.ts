import test from 'ava';
import { readProxyHeader } from '../../../src/request/proxy-header.ts';

const v1 = (line: string) => readProxyHeader(Buffer.from(line, 'latin1'));
const signature = '0d0a0d0a000d0a515549540a';
const v2 = (hex: string) => readProxyHeader(Buffer.from((signature + hex).replaceAll(' ', ''), 'hex'));

test('reads version 1', (t) => {
  const four = 'PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n';
  t.deepEqual(v1(`${four}GET /`), {
    kind: 'header',
    bytes: four.length,
    client: { address: '192.0.2.7', port: 56_324 },
  });
  t.like(v1('PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n'), { client: { address: '2001:db8::7', port: 1 } });
  t.like(v1('PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n'), { client: { address: '192.0.2.7' } });
  t.like(v1('PROXY UNKNOWN\r\n'), { kind: 'header', client: null });
  t.like(v1('PROXY UNKNOWN ffff::1 ::1 65535 65535\r\n'), { kind: 'header', client: null });
});

test('reads version 2', (t) => {
  t.deepEqual(v2('21 11 000c c0000207 c6336401 dc04 01bb ff'), {
    kind: 'header',
    bytes: 28,
    client: { address: '192.0.2.7', port: 56_324 },
  });
  const from = '20010db8000000000000000000000007';
  t.like(v2(`21 21 0024 ${from} ${from} 0001 0002`), { bytes: 52, client: { address: '2001:db8::7', port: 1 } });
  const mapped = '00000000000000000000ffffc0000207';
  t.like(v2(`21 21 0024 ${mapped} ${from} 0001 0002`), { client: { address: '192.0.2.7' } });
  // With an extension behind the addresses.
  t.like(v2('21 11 000f c0000207 c6336401 dc04 01bb 040000'), { bytes: 31, client: { port: 56_324 } });
  t.like(v2('20 00 0000'), { kind: 'header', bytes: 16, client: null });
  t.like(v2('20 11 000c c0000207 c6336401 dc04 01bb'), { client: null });
  for (const family of ['00', '12', '22', '31']) t.like(v2(`21 ${family} 0000`), { kind: 'header', client: null });
});

test('waits for the rest of a header, byte for byte', (t) => {
  const line = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n');
  for (let length = 0; length < line.length; length += 1)
    t.is(readProxyHeader(line.subarray(0, length)).kind, 'incomplete', String(length));
  const binary = Buffer.from(`${signature}2111000cc0000207c6336401dc0401bb`, 'hex');
  for (let length = 0; length < binary.length; length += 1)
    t.is(readProxyHeader(binary.subarray(0, length)).kind, 'incomplete', String(length));
});

for (const [what, line] of Object.entries({
  'no header': 'GET / HTTP/1.1\r\n',
  'TLS instead': '\x16\x03\x01\x02',
  'lower case': 'proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n',
  'a family that is none': 'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n',
  'IPv6 for IPv4': 'PROXY TCP4 ::1 ::1 1 2\r\n',
  'IPv4 for IPv6': 'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n',
  'an octal address': 'PROXY TCP4 010.0.0.1 1.2.3.4 1 2\r\n',
  'a zone': 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
  'two blanks': 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n',
  'a blank at the end': 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n',
  'a port too large': 'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n',
  'a port with a zero in front': 'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n',
  'no ports': 'PROXY TCP4 1.2.3.4 1.2.3.4\r\n',
  'a bare line feed': 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n',
  'a NUL': 'PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n',
  'a control character behind UNKNOWN': 'PROXY UNKNOWN \x01\r\n',
  'a line that does not end': `PROXY UNKNOWN ${'x'.repeat(100)}`,
  'a line that ends late': `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
}))
  test(`refuses version 1 with ${what}`, (t) => {
    t.is(v1(line).kind, 'malformed');
  });

for (const [what, hex] of Object.entries({
  'another version': '11 11 000c c0000207 c6336401 dc04 01bb',
  'another command': '22 11 000c c0000207 c6336401 dc04 01bb',
  'too few bytes for its family': '21 11 000b c0000207 c6336401 dc04 01',
  'too few bytes for IPv6': '21 21 000c c0000207 c6336401 dc04 01bb',
  'more than 4 KiB': '21 11 1001',
}))
  test(`refuses version 2 with ${what}`, (t) => {
    t.is(v2(hex).kind, 'malformed');
  });
