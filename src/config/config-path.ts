/** Keys and positions from the root: `['routes', 0, 'access']`. */
export type ConfigPath = readonly (string | number)[];

/** Writes a path as people do: `routes[0].identity.headers["X.Y"]`. */
export function writePath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part.length > 64 ? `${part.slice(0, 64)}…` : part)}]`;
  }
  return text;
}
