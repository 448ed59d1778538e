import type { ServerConfig } from './config.ts';

/** Names that belong to every machine: what one program there promises would bind all others (RFC 6761 §6.3). */
const local = /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The value of `Strict-Transport-Security` (RFC 6797) for this gateway; null where it promises nothing. */
export function strictTransport({ publicUrl, hsts }: ServerConfig & { readonly publicUrl: string }): string | null {
  const { protocol, hostname } = new URL(publicUrl);
  if (hsts === false || protocol !== 'https:' || local.test(hostname)) return null;
  const seconds = Math.floor(hsts.maxAge / 1000);
  return `max-age=${seconds}${hsts.includeSubDomains ? '; includeSubDomains' : ''}${hsts.preload ? '; preload' : ''}`;
}
