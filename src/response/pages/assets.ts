import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { GatewayError } from '../../errors.ts';
import type { ThemeConfig } from '../config.ts';
import { accentCss } from './accent.ts';
import { favicon } from './icons.ts';

/** A file that our pages load. Its address names its content, so it may be kept for ever. */
export interface Asset {
  /** Path on every host, with `authPath`. */
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

/** Files from disk, read once at start. */
export interface PageFiles {
  readonly style: string;
  readonly script: string;
  readonly logo: { readonly body: Buffer; readonly type: string } | null;
  readonly css: string | null;
}

export interface Assets {
  readonly style: Asset;
  readonly script: Asset;
  readonly icon: Asset;
  readonly logo: Asset | null;
  readonly css: Asset | null;
  readonly byPath: ReadonlyMap<string, Asset>;
}

const logoTypes: Readonly<Record<string, string>> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
};

function readThemeFile(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new GatewayError('config-invalid', `could not read ${what} ${file}`, { cause });
  }
}

/**
 * Reads our own stylesheet and script, and the operator's logo and stylesheet. Throws `config-invalid` when one of the
 * operator's can't be read, or the logo is no image.
 */
export function readPageFiles(theme: Pick<ThemeConfig, 'logo' | 'css'>): PageFiles {
  const type = theme.logo === undefined ? undefined : logoTypes[extname(theme.logo).toLowerCase()];
  if (theme.logo !== undefined && type === undefined)
    throw new GatewayError('config-invalid', `theme.logo ${theme.logo} is not an SVG, PNG, WebP or JPEG file`);
  return {
    style: readFileSync(new URL('./style.css', import.meta.url), 'utf8'),
    script: readFileSync(new URL('./sign-in.js', import.meta.url), 'utf8'),
    logo:
      theme.logo === undefined || type === undefined ? null : { body: readThemeFile(theme.logo, 'theme.logo'), type },
    css: theme.css === undefined ? null : readThemeFile(theme.css, 'theme.css').toString('utf8'),
  };
}

/** Builds the assets of our pages; the accent is written into our own stylesheet. */
export function createAssets(authPath: string, theme: Pick<ThemeConfig, 'accent'>, files: PageFiles): Assets {
  const byPath = new Map<string, Asset>();
  const add = (content: string | Buffer, extension: string, type: string): Asset => {
    const body = Buffer.from(content);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const asset = { path: `${authPath}/assets/${hash}.${extension}`, type, body };
    byPath.set(asset.path, asset);
    return asset;
  };
  const css = 'text/css; charset=utf-8';
  return {
    style: add(theme.accent === undefined ? files.style : files.style + accentCss(theme.accent), 'css', css),
    script: add(files.script, 'js', 'text/javascript; charset=utf-8'),
    icon: add(favicon, 'svg', 'image/svg+xml; charset=utf-8'),
    logo:
      files.logo === null
        ? null
        : add(files.logo.body, files.logo.type.split('/')[1]?.split('+')[0] ?? 'img', files.logo.type),
    css: files.css === null ? null : add(files.css, 'css', css),
    byPath,
  };
}
