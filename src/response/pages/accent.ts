/** Shades of an accent colour that are readable on our papers, computed (WCAG 2.2 §1.4.3), as CSS. */
export interface Accent {
  readonly light: { readonly accent: string; readonly ink: string };
  readonly dark: { readonly accent: string; readonly ink: string };
}

type Rgb = readonly [red: number, green: number, blue: number];

/** Papers that the accent stands on as text; the harder one of each scheme. Kept in step with style.css by a test. */
export const papers = { light: '#f6f4ef', dark: '#1b2120' } as const;

const inks = { white: '#ffffff', black: '#06120f' } as const;
/** A little above the 4.5 of AA, so that rounding and hover shades stay on the right side. */
const wanted = 4.8;

function readHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [((value >> 16) & 255) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

function toHex(rgb: Rgb): string {
  return `#${rgb
    .map((part) =>
      Math.round(Math.min(1, Math.max(0, part)) * 255)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

const toLinear = (part: number) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const toGamma = (part: number) => (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055);

function luminance(hex: string): number {
  const [red, green, blue] = readHex(hex);
  return 0.2126 * toLinear(red) + 0.7152 * toLinear(green) + 0.0722 * toLinear(blue);
}

/** Contrast ratio of two `#rrggbb` colours, 1 to 21. */
export function contrast(one: string, other: string): number {
  const [brighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (brighter + 0.05) / (darker + 0.05);
}

/** sRGB to OKLab (Björn Ottosson, 2020): there a lighter shade keeps its hue. */
function toOklab(hex: string): Rgb {
  const [red, green, blue] = readHex(hex).map(toLinear) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: Rgb): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toGamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    toGamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    toGamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** The same hue at another lightness, with as much of its chroma as sRGB can show there. */
function atLightness([, a, b]: Rgb, lightness: number): string {
  for (let chroma = 1; chroma > 0; chroma -= 0.05) {
    const rgb = fromOklab([lightness, a * chroma, b * chroma]);
    if (rgb.every((part) => part >= -0.001 && part <= 1.001)) return toHex(rgb);
  }
  return toHex(fromOklab([lightness, 0, 0]));
}

/** The first shade from the colour's own lightness on, in this direction, that is readable on the paper. */
function readableOn(paper: string, hex: string, step: number): string {
  if (contrast(hex, paper) >= wanted) return hex;
  const lab = toOklab(hex);
  for (let lightness = lab[0]; lightness >= 0 && lightness <= 1; lightness += step) {
    const shade = atLightness(lab, lightness);
    if (contrast(shade, paper) >= wanted) return shade;
  }
  return step < 0 ? inks.black : inks.white;
}

/** Ink for words on the accent: white or near-black, whichever reads better. */
function inkFor(accent: string): string {
  return contrast(accent, inks.white) >= contrast(accent, inks.black) ? inks.white : inks.black;
}

/** Derives both schemes' shades from one `#rrggbb`. Each pair reads with at least 4.5 : 1, as text and under text. */
export function deriveAccent(hex: string): Accent {
  const light = readableOn(papers.light, hex, -0.01);
  const dark = readableOn(papers.dark, hex, 0.01);
  return { light: { accent: light, ink: inkFor(light) }, dark: { accent: dark, ink: inkFor(dark) } };
}

/** The rules that put an accent in place of our own. */
export function accentCss(hex: string): string {
  const { light, dark } = deriveAccent(hex);
  return (
    `:root{--accent:${light.accent};--accent-ink:${light.ink}}` +
    `@media(prefers-color-scheme:dark){:root{--accent:${dark.accent};--accent-ink:${dark.ink}}}\n`
  );
}
