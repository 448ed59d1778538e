import type { AttackCase, Door } from './attack.ts';
import type { SignedIn } from './sign-in.ts';

const upgradeLines = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Whether a case makes sense through a door: an upgrade is a GET without a body whose head we write ourselves. */
export function fits(attack: AttackCase, door: Door): boolean {
  if (attack.doors !== undefined) return attack.doors.includes(door);
  if (door === 'http') return true;
  const framed = (attack.headers ?? []).some((line) =>
    /^(content-length|transfer-encoding|upgrade|expect)\b/i.test(line),
  );
  return (
    attack.raw === undefined &&
    attack.body === undefined &&
    !framed &&
    (attack.method ?? 'GET') === 'GET' &&
    attack.version === undefined
  );
}

/** The bytes of a case for a door, and the method that its answer belongs to. */
export async function bytesOf(
  attack: AttackCase,
  door: Door,
  sessionOf: (user: string) => Promise<SignedIn>,
): Promise<{ bytes: Buffer; method: string }> {
  const { method = 'GET', target = '/', version = 'HTTP/1.1', host = 'app.test' } = attack;
  if (attack.raw !== undefined) {
    const raw = await fill(attack.raw, attack, sessionOf);
    return { bytes: Buffer.from(raw, 'latin1'), method: raw.split(' ')[0] ?? 'GET' };
  }
  const body = attack.body === undefined ? undefined : await fill(attack.body, attack, sessionOf);
  const headers = [...(attack.headers ?? [])];
  const placesCookie = headers.some((line) => line.includes('{session}') || line.includes('{token}'));
  if (attack.as !== undefined && !placesCookie) headers.push('Cookie: {session}');
  if (body !== undefined && !headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))) {
    headers.push(`Content-Length: ${String(Buffer.byteLength(body, 'latin1'))}`);
  }
  if (door === 'upgrade') headers.push(...upgradeLines);
  const hostLines = host === null ? [] : [`Host: ${host}`];
  const head = [`${method} ${target} ${version}`, ...hostLines, ...headers].join('\r\n');
  const text = await fill(`${head}\r\n\r\n${body ?? ''}`, attack, sessionOf);
  return { bytes: Buffer.from(text, 'latin1'), method };
}

async function fill(text: string, attack: AttackCase, sessionOf: (user: string) => Promise<SignedIn>): Promise<string> {
  let filled = text;
  for (const [placeholder, user] of text.matchAll(/\{session:([a-z]+)\}/g)) {
    filled = filled.replaceAll(placeholder, (await sessionOf(user!)).cookie);
  }
  if (/\{(session|token|cookie)\}/.test(filled)) {
    const session = await sessionOf(attack.as ?? 'alice');
    filled = filled
      .replaceAll('{session}', session.cookie)
      .replaceAll('{token}', session.token)
      .replaceAll('{cookie}', session.cookieName);
  }
  return filled;
}
