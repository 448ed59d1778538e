import type { ConfigPath } from './config-path.ts';

const hidden = '[hidden]';

/** Whether the text at this place of the configuration opens something. */
export function isSecret(path: ConfigPath, value: string): boolean {
  const key = path.at(-1);
  if (key === 'url' && path[0] === 'store') return /^rediss?:\/\/[^/]*@/.test(value);
  // An API key for the app is as good as a password.
  if (path.at(-2) === 'set' && path.at(-3) === 'requestHeaders')
    return /auth|key|token|secret|password/i.test(String(key));
  return key === 'secret' || key === 'password' || key === 'bindPassword' || key === 'clientSecret';
}

/** The configuration for printing, every secret hidden. */
export function redactConfig(config: unknown): unknown {
  return redact(config, []);
}

function redact(value: unknown, path: ConfigPath): unknown {
  if (typeof value === 'string') {
    if (!isSecret(path, value)) return value;
    return value.replace(/^(rediss?:\/\/)[^/]*@(.*)$|^.*$/s, (_, scheme?: string, rest?: string) =>
      scheme === undefined ? hidden : `${scheme}${hidden}@${rest ?? ''}`,
    );
  }
  if (Array.isArray(value)) return value.map((entry, index) => redact(entry, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, redact(entry, [...path, key])]));
}
