import type { Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { Session, SessionProvider } from './session.ts';

/** Grows when the record changes in a way that an older reader would misunderstand; others are not read. */
const recordVersion = 1;

/** Turns sessions into what stands in the store, and back. */
export interface SessionRecords {
  readonly seal: (session: Session) => string;
  /** Null for a record that was not sealed by us for this id. */
  readonly open: (id: string, sealed: unknown) => Session | null;
}

/** Records are sealed (AES-256-GCM) under a key of their own and bound to their id. */
export function createSessionRecords(secret: Buffer, randomBytes: Runtime['randomBytes']): SessionRecords {
  const sealer = createSealer(deriveKey(secret, 'session'), randomBytes);
  return {
    seal: (session) => sealer.seal(JSON.stringify({ version: recordVersion, session }), `session/${session.id}`),
    open: (id, sealed) => {
      if (typeof sealed !== 'string') return null;
      const text = sealer.open(sealed, `session/${id}`);
      if (text === null) return null;
      const record: unknown = JSON.parse(text);
      if (!isObject(record) || record['version'] !== recordVersion) return null;
      const session = complete(record['session']);
      return isSession(session) && session.id === id ? session : null;
    },
  };
}

/** Fills in what records lacked before there were providers: then every user was a local one. */
function complete(value: unknown): unknown {
  if (!isObject(value) || !isObject(value['identity'])) return value;
  const { identity } = value;
  return {
    ...value,
    identity: {
      ...identity,
      issuer: identity['issuer'] ?? 'local',
      subject: identity['subject'] ?? identity['user'],
    },
    provider: value['provider'] ?? null,
    handles: value['handles'] ?? [],
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isIdentity(value: unknown): value is Identity {
  return (
    isObject(value) &&
    ['user', 'name', 'email', 'method', 'issuer', 'subject'].every((key) => typeof value[key] === 'string') &&
    isTexts(value['groups']) &&
    isObject(value['claims']) &&
    Object.values(value['claims']).every(isTexts)
  );
}

function isSession(value: unknown): value is Session {
  return (
    isObject(value) &&
    isIdentity(value['identity']) &&
    ['id', 'site', 'address', 'userAgent', 'credential'].every((key) => typeof value[key] === 'string') &&
    ['authenticatedAtMs', 'createdAtMs', 'lastSeenAtMs', 'idleTimeoutMs', 'expiresAtMs'].every((key) =>
      Number.isFinite(value[key]),
    ) &&
    typeof value['remembered'] === 'boolean' &&
    isTexts(value['amr']) &&
    isTexts(value['handles']) &&
    (value['provider'] === null || isProvider(value['provider']))
  );
}

function isProvider(value: unknown): value is SessionProvider {
  return (
    isObject(value) &&
    ['id', 'data'].every((key) => typeof value[key] === 'string') &&
    Number.isFinite(value['checkAtMs']) &&
    (value['failingSinceMs'] === null || Number.isFinite(value['failingSinceMs'])) &&
    (value['accessToken'] === null || typeof value['accessToken'] === 'string')
  );
}
