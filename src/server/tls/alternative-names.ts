import { isIPv6 } from 'node:net';

export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  /** IPv6 as `RequestFacts.host` writes it: in brackets, in its shortest form. */
  readonly addresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

/**
 * Reads the text that node makes of a certificate's subject alternative names: `DNS:a.test, email:"a, b@c.test"`. An entry with a
 * comma, a quote or a control character in it stands in quotes, as JSON (CVE-2021-44532).
 */
export function alternativeNames(text: string): AlternativeNames {
  const found = { dnsNames: [] as string[], addresses: [] as string[], emails: [] as string[], uris: [] as string[] };
  const entry = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/gy;
  for (let match = entry.exec(text); match !== null; match = entry.exec(text)) {
    const value = unquote(match[2] ?? '');
    switch (match[1]) {
      case 'DNS':
        found.dnsNames.push(value);
        break;
      case 'IP Address':
        found.addresses.push(isIPv6(value) ? new URL(`http://[${value}]/`).hostname : value);
        break;
      case 'email':
        found.emails.push(value);
        break;
      case 'URI':
        found.uris.push(value);
        break;
      default:
    }
  }
  return found;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const value: unknown = JSON.parse(text);
  return String(value);
}
