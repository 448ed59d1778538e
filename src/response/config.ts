import { z } from 'zod';

export const themeConfig = z
  .strictObject({
    title: z
      .string()
      .min(1)
      .max(80)
      .prefault('Sallyport')
      .describe('Name at the top of our pages and in their titles.'),
    logo: z.string().min(1).optional().describe('Image file (SVG, PNG, WebP, JPEG) shown instead of the arch.'),
    accent: z
      .string()
      .regex(/^#[0-9a-fA-F]{6}$/, 'is not a colour; write #0b6e5f')
      .optional()
      .describe('Accent colour, `#rrggbb`; a lighter or darker shade is derived where contrast needs it.'),
    css: z.string().min(1).optional().describe('CSS file loaded after our own stylesheet.'),
    footer: z.string().max(500).optional().describe('A line of plain text at the foot of our pages.'),
    language: z
      .enum(['auto', 'en', 'de'])
      .prefault('auto')
      .describe('Language of our pages; `auto` follows the browser.'),
  })
  .prefault({});

export type ThemeConfig = z.output<typeof themeConfig>;
